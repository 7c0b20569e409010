package io.github.mamba4j.examples.lm;

import picocli.CommandLine.IVersionProvider;

/** The version that {@code mamba --version} prints, read from the program's own jar. */
final class MambaVersion implements IVersionProvider {
  @Override
  public String[] getVersion() {
    String version = MambaVersion.class.getPackage().getImplementationVersion();
    return new String[] {
      "mamba " + (version == null ? "(not run from its jar)" : version),
      "Java " + Runtime.version() + ", " + System.getProperty("java.vm.vendor")
    };
  }
}
