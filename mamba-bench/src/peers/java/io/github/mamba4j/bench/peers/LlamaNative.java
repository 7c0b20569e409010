package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.PublishedModel;
import io.github.mamba4j.bench.peers.ModelCell.Task;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Map;

/** llama.cpp through its C interface: what its native code can do. */
final class LlamaNative implements Contestant {
  private final Setting setting;
  private final LlamaLibrary library;

  LlamaNative(Setting setting) {
    this.setting = setting;
    String folder = System.getProperty(ModelWork.LLAMA_FOLDER);
    try {
      library =
          folder == null
              ? LlamaLibrary.open(setting.files())
              : LlamaLibrary.openFolder(Path.of(folder));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Map<String, Object> describe() {
    return Map.of("version", library.describe());
  }

  @Override
  public Trial prepare(String name) {
    ModelCell cell = ModelCell.parse(name);
    Path file = cell.file(setting.files());
    return cell.task() == Task.START
        ? new ModelTrial.Start<>(() -> new Running(cell, library, file, setting.threads()))
        : new Running(cell, library, file, setting.threads());
  }

  @Override
  public void close() {}

  private static final class Running extends ModelTrial {
    private static final int CONTEXT_TOKENS = 1024;

    private final LlamaLibrary library;
    private final MemorySegment model;
    private final MemorySegment context;
    private final int vocab;

    /** Loads a file, which stays memory-mapped. */
    Running(ModelCell cell, LlamaLibrary library, Path file, int threads) {
      super(cell);
      this.library = library;
      model = library.loadModel(file);
      context = library.newContext(model, CONTEXT_TOKENS, threads);
      vocab = library.vocabSize(model);
    }

    @Override
    double decodeSeconds(int steps) {
      library.clear(context);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment prompt = tokens(arena, PublishedModel.tokens(ModelCell.SHORT_PROMPT));
        MemorySegment next = arena.allocate(ValueLayout.JAVA_INT);
        library.decode(context, prompt, arena, vocab);
        long start = System.nanoTime();
        for (int i = 0; i < steps; i++) {
          next.set(ValueLayout.JAVA_INT, 0, PublishedModel.token(ModelCell.SHORT_PROMPT + i));
          library.decode(context, next, arena, vocab);
        }
        return (System.nanoTime() - start) * 1e-9;
      }
    }

    @Override
    double prefillSeconds(int length) {
      library.clear(context);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment prompt = tokens(arena, PublishedModel.tokens(length));
        long start = System.nanoTime();
        library.decode(context, prompt, arena, vocab);
        return (System.nanoTime() - start) * 1e-9;
      }
    }

    @Override
    float[] logits(int[] prompt, int[] steps) {
      library.clear(context);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment last = library.decode(context, tokens(arena, prompt), arena, vocab);
        for (int token : steps) {
          last = library.decode(context, tokens(arena, new int[] {token}), arena, vocab);
        }
        return last.toArray(ValueLayout.JAVA_FLOAT);
      }
    }

    private static MemorySegment tokens(Arena arena, int[] tokens) {
      return arena.allocateFrom(ValueLayout.JAVA_INT, tokens);
    }

    @Override
    public void close() {
      library.free(context, model);
    }
  }
}
