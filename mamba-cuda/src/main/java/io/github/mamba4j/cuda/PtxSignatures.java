package io.github.mamba4j.cuda;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The parameters of the entries of a PTX text, by which launches are checked. */
final class PtxSignatures {
  private static final Pattern ENTRY =
      Pattern.compile("\\.visible \\.entry (\\w+)\\s*\\(([^)]*)\\)");
  private static final Pattern PARAMETER =
      Pattern.compile("\\.param (?:\\.align \\d+ )?(\\.\\w+) \\w+((?:\\[\\d+])?)");

  private PtxSignatures() {}

  /**
   * Returns the types of each entry's parameters, such as {@code .u64} or {@code .b8[64]}, by the
   * entry's name.
   */
  static Map<String, List<String>> of(String ptx) {
    Map<String, List<String>> signatures = new HashMap<>();
    Matcher entry = ENTRY.matcher(ptx);
    while (entry.find()) {
      List<String> types =
          PARAMETER
              .matcher(entry.group(2))
              .results()
              .map((MatchResult r) -> r.group(1) + r.group(2))
              .toList();
      signatures.put(entry.group(1), types);
    }
    return signatures;
  }
}
