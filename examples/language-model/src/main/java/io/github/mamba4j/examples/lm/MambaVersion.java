package io.github.mamba4j.examples.lm;

import picocli.CommandLine.IVersionProvider;

/** The version that {@code mamba --version} prints, read from the program's own jar. */
final class MambaVersion implements IVersionProvider {
  @Override
  public String[] getVersion() {
    return new String[] {
      "mamba " + program(),
      "Java " + Runtime.version() + ", " + System.getProperty("java.vm.vendor")
    };
  }

  /** Returns the version of the program, or words for its absence. */
  static String program() {
    String version = MambaVersion.class.getPackage().getImplementationVersion();
    return version == null ? "(not run from its jar)" : version;
  }
}
