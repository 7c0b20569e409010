package io.github.mamba4j.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The ways in which a checkpoint is stored, told apart by content and not by file name. */
public enum CheckpointFormat {
  /** One safetensors file. */
  SAFETENSORS,
  /** Several files, with a JSON index that says which tensor lies in which. */
  SHARDED,
  /** PyTorch's zip archive of a pickle and raw storages, {@code pytorch_model.bin}. */
  TORCH,
  /** One GGUF file, versions 2 and 3. */
  GGUF;

  private static final int HEAD_BYTES = 16;

  /** What a folder is searched for, in this order. */
  private static final List<String> CUSTOMARY_NAMES =
      List.of(
          "model.safetensors",
          "model.safetensors.index.json",
          "pytorch_model.bin",
          "pytorch_model.bin.index.json");

  /** The file to open, and as what. */
  record Located(CheckpointFormat format, Path file) {}

  /**
   * Tells the format of a file by its first bytes, or of a folder by the checkpoint in it: {@code
   * model.safetensors}, {@code model.safetensors.index.json}, {@code pytorch_model.bin}, {@code
   * pytorch_model.bin.index.json} in this order, else the only {@code .gguf} or {@code
   * .safetensors} file.
   *
   * @param path a file or a folder
   * @return the format; the file may still turn out to be damaged when it is opened
   * @throws CheckpointException if nothing is there or no known format is recognised
   * @throws IOException if reading fails
   */
  public static CheckpointFormat of(Path path) throws IOException {
    return locate(path).format();
  }

  static Located locate(Path path) throws IOException {
    Path file = Files.isDirectory(path) ? search(path) : path;
    CheckpointFile.requireRegularFile(file, "a checkpoint file or folder");
    byte[] head;
    try (InputStream in = Files.newInputStream(file)) {
      head = in.readNBytes(HEAD_BYTES);
    }
    return new Located(recognise(file, head), file);
  }

  private static Path search(Path folder) throws IOException {
    for (String name : CUSTOMARY_NAMES) {
      Path file = folder.resolve(name);
      if (Files.exists(file)) {
        return file;
      }
    }
    List<Path> others = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      files
          .filter(file -> {
            String name = file.getFileName().toString();
            return name.endsWith(".gguf") || name.endsWith(".safetensors");
          })
          .sorted()
          .limit(2)
          .forEach(others::add);
    }
    if (others.size() == 1) {
      return others.getFirst();
    }
    String found =
        others.isEmpty()
            ? "holds no checkpoint"
            : "holds several, as " + others.getFirst().getFileName();
    throw new CheckpointException(
        folder + ": " + found + ", expected one of " + CUSTOMARY_NAMES + " or one .gguf file");
  }

  private static CheckpointFormat recognise(Path file, byte[] head) throws CheckpointException {
    if (startsWith(head, 'G', 'G', 'U', 'F')) {
      return GGUF;
    }
    if (startsWith(head, 'P', 'K', 3, 4) || startsWith(head, 'P', 'K', 5, 6)) {
      return TORCH;
    }
    if (startsWith(head, 0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46)) {
      throw new CheckpointException(
          file
              + ": is a torch.save file from before version 1.6, expected its zip form; load and"
              + " save it once with a current PyTorch");
    }
    if (isSafetensors(head)) {
      return SAFETENSORS;
    }
    if (isJsonObject(head)) {
      return SHARDED;
    }
    throw new CheckpointException(
        file
            + ": is of no known format, expected safetensors, a .index.json, pytorch_model.bin or"
            + " GGUF");
  }

  /** A header length of less than 2^32, then a JSON object. */
  private static boolean isSafetensors(byte[] head) {
    return head.length > 8
        && (head[4] | head[5] | head[6] | head[7]) == 0
        && (head[8] == '{' || head[8] == ' ');
  }

  private static boolean isJsonObject(byte[] head) {
    for (byte c : head) {
      if (c == '{') {
        return true;
      }
      if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
        return false;
      }
    }
    return false;
  }

  private static boolean startsWith(byte[] head, int... expected) {
    if (head.length < expected.length) {
      return false;
    }
    for (int i = 0; i < expected.length; i++) {
      if (head[i] != (byte) expected[i]) {
        return false;
      }
    }
    return true;
  }
}
