/** What `BRAWN_DEBUG` asks for. */

/** `BRAWN_DEBUG=plan`: print every program's kernels with their times to stderr. */
export function debugPlan(): boolean {
  return process.env.BRAWN_DEBUG?.split(',').includes('plan') ?? false;
}
