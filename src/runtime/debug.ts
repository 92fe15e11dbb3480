/** What `BRAWN_DEBUG` asks for. */

// Read once: the environment is far away, and this is asked for in every run.
const wanted = process.env.BRAWN_DEBUG?.split(',') ?? [];

/** `BRAWN_DEBUG=plan`: print every program's kernels with their times to stderr. */
export const debugPlan = (): boolean => wanted.includes('plan');
