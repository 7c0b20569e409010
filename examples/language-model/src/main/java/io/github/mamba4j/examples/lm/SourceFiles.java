package io.github.mamba4j.examples.lm;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Sizes and hashes of the files that a run has read. */
final class SourceFiles {
  /** A corpus of more files is recorded by their number and the hashes of its tokens alone. */
  private static final int MOST_LISTED = 1000;

  private SourceFiles() {}

  static List<Map<String, Object>> describe(List<Path> files) throws IOException {
    List<Map<String, Object>> described = new ArrayList<>();
    if (files.size() > MOST_LISTED) {
      return described;
    }
    for (Path file : files) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("path", file.toString());
      one.put("bytes", Files.size(file));
      one.put("sha256", sha256(file));
      described.add(one);
    }
    return described;
  }

  private static String sha256(Path file) throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JVM has no SHA-256", e);
    }
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
