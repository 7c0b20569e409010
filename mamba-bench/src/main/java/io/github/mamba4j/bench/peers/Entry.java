package io.github.mamba4j.bench.peers;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A contestant as it is entered for a work: what to run, and how.
 *
 * @param name in the results
 * @param role whose figures it is compared with
 * @param contestant the class, by name, because those of other libraries are not always there
 * @param jvmFlags flags of its JVM
 * @param environment variables set in its process
 * @param classPath where its classes are
 */
record Entry(
    String name,
    Role role,
    String contestant,
    List<String> jvmFlags,
    Map<String, String> environment,
    String classPath) {
  /** The name of Mamba4J as its users run it. */
  static final String OURS = "mamba4j";

  /** The module with the vectors. */
  static final String VECTORS = "--add-modules=jdk.incubator.vector";

  private static final String NARROW = "-XX:MaxVectorSize=32";

  /** What a contestant is to the comparison. */
  enum Role {
    /** The one that is compared with the peers. */
    OURS,
    /** Mamba4J otherwise than as its users run it. */
    VARIANT,
    /** Another library, as tuned as we know how. */
    PEER,
    /** Another library as its users get it; not counted as the best. */
    UNTUNED
  }

  private static Entry of(
      String name, Role role, Class<? extends Contestant> own, String... flags) {
    return new Entry(name, role, own.getName(), List.of(flags), Map.of(), ownClassPath());
  }

  /** Enters Mamba4J. */
  static Entry ours(Class<? extends Contestant> contestant) {
    return of(OURS, Role.OURS, contestant, VECTORS);
  }

  /** Enters Mamba4J without the module with the vectors. */
  static Entry scalar(Class<? extends Contestant> contestant) {
    return of(OURS + " scalar", Role.VARIANT, contestant);
  }

  /** Enters Mamba4J with vectors of 256 bits. */
  static Entry narrow(Class<? extends Contestant> contestant) {
    return of(OURS + " 256-bit", Role.VARIANT, contestant, VECTORS, NARROW);
  }

  /** Enters another library, by the simple name of a class of this package. */
  static Entry peer(String name, String contestant) {
    String full = Entry.class.getPackageName() + "." + contestant;
    return new Entry(name, Role.PEER, full, List.of(), Map.of(), ownClassPath());
  }

  static String ownClassPath() {
    return System.getProperty("java.class.path");
  }

  /** Returns whether its vectors have at most 256 bits. */
  boolean isNarrow() {
    return jvmFlags.contains(NARROW);
  }

  /** Returns this entry with another name. */
  Entry named(String other) {
    return new Entry(other, role, contestant, jvmFlags, environment, classPath);
  }

  /** Returns this entry in another role. */
  Entry in(Role other) {
    return new Entry(name, other, contestant, jvmFlags, environment, classPath);
  }

  /** Returns this entry with further flags of the JVM. */
  Entry with(String... flags) {
    List<String> all = new ArrayList<>(jvmFlags);
    all.addAll(List.of(flags));
    return new Entry(name, role, contestant, List.copyOf(all), environment, classPath);
  }

  /** Returns its name as that of a file. */
  String fileName() {
    return name.replaceAll("[^A-Za-z0-9.-]+", "-");
  }

  /**
   * Returns this entry with an archive of its loaded classes, made when its first process ends, so
   * that later ones start sooner.
   *
   * @param folder where it is kept
   */
  Entry archived(Path folder) {
    Path file = folder.resolve(fileName() + ".jsa");
    return with("-XX:+AutoCreateSharedArchive", "-XX:SharedArchiveFile=" + file.toAbsolutePath());
  }

  /** Returns this entry with a further variable of the environment. */
  Entry withVariable(String variable, String value) {
    Map<String, String> all = new HashMap<>(environment);
    all.put(variable, value);
    return new Entry(name, role, contestant, jvmFlags, Map.copyOf(all), classPath);
  }

  /** Returns this entry with other classes before its own. */
  Entry before(String otherClassPath) {
    String both = otherClassPath + ":" + classPath;
    return new Entry(name, role, contestant, jvmFlags, environment, both);
  }
}
