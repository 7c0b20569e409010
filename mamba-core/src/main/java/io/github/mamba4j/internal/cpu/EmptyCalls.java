package io.github.mamba4j.internal.cpu;

/**
 * Calls of no turns that come before the first calls of a loop over vectors, so that the JVM
 * compiles it sooner.
 *
 * <p>HotSpot compiles a method when it was called often, and a loop while it runs (on-stack
 * replacement) when it went round 40,000 times before. For loops that keep many vectors, which are
 * objects until then, that second way takes the compiler up to twelve times as long, and nothing
 * else is compiled meanwhile. Calls that do nothing count as calls: with one for every {@value
 * #TURNS} turns the method is called 600 times, and compiled as a whole, before its loop went round
 * so often.
 *
 * <p>Threads share these counters without care: a few calls more or less do not matter.
 */
final class EmptyCalls {
  /** Average turns of a call, well below 40,000 / 600. */
  private static final int TURNS = 32;

  /** By then a method is compiled, or waits for its turn. */
  private static final int EARLY = 2000;

  private int left = EARLY;

  /** Returns how many calls of no turns come before a call of so many. */
  int before(int turns) {
    if (left <= 0) {
      return 0;
    }
    left--;
    return turns / TURNS;
  }
}
