package io.github.mamba4j.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** The kernels' files, expanded. */
final class PtxSource {
  private PtxSource() {}

  /**
   * Returns a family's kernels as plain PTX.
   *
   * @param family name of its file without the ending
   * @param variables sizes and types that its variants are made for
   * @throws IllegalArgumentException if there is no such file or a line cannot be understood
   */
  static String of(String family, Map<String, String> variables) {
    return PtxTemplate.expand(family, PtxSource::read, variables);
  }

  private static String read(String name) {
    try (InputStream in = PtxSource.class.getResourceAsStream(name + ".ptx")) {
      if (in == null) {
        throw new IllegalArgumentException("PtxSource: there is no file " + name + ".ptx");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
