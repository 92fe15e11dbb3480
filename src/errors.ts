/**
 * Every error that brawn throws on purpose. Each class has a stable `code`, and a message that says what is wrong,
 * where, and what to do. Messages start with the name of the op or function the caller used.
 */

/** Base of all errors thrown by brawn. `code` is stable across releases; messages are not. */
export class BrawnError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** Shapes, axes or sizes that do not fit together. */
export class ShapeError extends BrawnError {
  constructor(message: string) {
    super('ERR_BRAWN_SHAPE', message);
  }
}

/** A dtype that an op does not accept, or a combination of dtypes that has no common type. */
export class DTypeError extends BrawnError {
  constructor(message: string) {
    super('ERR_BRAWN_DTYPE', message);
  }
}

/** An argument outside its legal range (axis, probability, stride, option name, ...). */
export class ArgumentError extends BrawnError {
  constructor(message: string) {
    super('ERR_BRAWN_ARGUMENT', message);
  }
}

/** An index or label in a tensor that lies outside the dimension it indexes; found while running. */
export class IndexError extends BrawnError {
  constructor(message: string) {
    super('ERR_BRAWN_INDEX', message);
  }
}

/** A value used in a way that its state forbids: overwritten variables, placeholders read while tracing, ... */
export class StateError extends BrawnError {
  constructor(message: string) {
    super('ERR_BRAWN_STATE', message);
  }
}

/** A gradient that was asked for and does not exist. */
export class GradientError extends BrawnError {
  constructor(message: string) {
    super('ERR_BRAWN_GRADIENT', message);
  }
}

/** A program that does not fit in memory; both numbers are in the message and on the error. */
export class MemoryError extends BrawnError {
  constructor(
    message: string,
    readonly requiredBytes: number,
    readonly availableBytes: number,
  ) {
    super('ERR_BRAWN_MEMORY', message);
  }
}

/** Anomaly mode found the first NaN or Inf. */
export class AnomalyError extends BrawnError {
  constructor(message: string) {
    super('ERR_BRAWN_ANOMALY', message);
  }
}

/** The native addon cannot be loaded, or does not fit this JavaScript. */
export class NativeError extends BrawnError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_BRAWN_NATIVE', message, options);
  }
}

/** A file that is truncated, corrupt, or not of the expected format. */
export class FileFormatError extends BrawnError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_BRAWN_FORMAT', message, options);
  }
}

/** A file or download that is missing or could not be read or written. */
export class FileError extends BrawnError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_BRAWN_FILE', message, options);
  }
}

/** An invariant of brawn itself is broken; please report it. */
export class InternalError extends BrawnError {
  constructor(message: string) {
    super('ERR_BRAWN_INTERNAL', message);
  }
}
