package io.github.mamba4j.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/**
 * A file of kernels and what its template is expanded with; each form is loaded once a device.
 *
 * @param family name of its file without the ending
 * @param variables sizes and types that its variants are made for
 */
record PtxSource(String family, Map<String, String> variables) {
  PtxSource {
    variables = Map.copyOf(variables);
  }

  /**
   * Returns the kernels as plain PTX.
   *
   * @throws IllegalArgumentException if there is no such file or a line cannot be understood
   */
  String text() {
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

  @Override
  public String toString() {
    return variables.isEmpty() ? family : family + new TreeMap<>(variables);
  }
}
