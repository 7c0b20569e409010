package io.github.mamba4j.bench.peers;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;

/**
 * llama.cpp's C interface: the few functions that run a model, in the native library of {@code
 * de.kherud:llama}, without that artifact's Java classes, or in a folder with another build.
 */
@SuppressWarnings("restricted") // calls of C functions are what this is for
final class LlamaLibrary {
  /** The build in the artifact. */
  static final int BUILD = 4916;

  private static final String RESOURCE = "de/kherud/llama/Linux/x86_64/libjllama.so";
  private static final String PATH_PROPERTY = "de.kherud.llama.lib.path";
  private static final int ERROR_LEVEL = 4;
  private static final long MAX_TEXT = 1 << 16;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

  /**
   * {@code llama_model_params}: as the library fills it, because nothing is changed here. Builds
   * differ in its size. It is passed on the stack, of which each build uses as much as it knows.
   */
  private static final StructLayout MODEL_PARAMS =
      MemoryLayout.structLayout(MemoryLayout.sequenceLayout(32, ValueLayout.JAVA_LONG));

  /** {@code llama_context_params}, likewise but for its first number, the context's tokens. */
  private static final StructLayout CONTEXT_PARAMS =
      MemoryLayout.structLayout(MemoryLayout.sequenceLayout(64, ValueLayout.JAVA_LONG));

  /** {@code llama_batch}. */
  private static final StructLayout BATCH =
      MemoryLayout.structLayout(
          INT.withName("n_tokens"),
          MemoryLayout.paddingLayout(4),
          MemoryLayout.sequenceLayout(6, ValueLayout.ADDRESS));

  private static final String OLD_CLEAR = "llama_kv_self_clear";
  private static final String NO_MESSAGE = "no message";
  private static final String UNKNOWN_MODEL = "unknown model architecture";

  private static final AtomicReference<String> ERRORS = new AtomicReference<>("");

  private final String name;
  private final SymbolLookup symbols;
  private final Arena arena = Arena.ofShared();
  private final MethodHandle batchOfTokens;
  private final MethodHandle decode;
  private final MethodHandle logits;

  private LlamaLibrary(String name, Path file) {
    this.name = name;
    symbols = SymbolLookup.libraryLookup(file, arena);
    batchOfTokens = function("llama_batch_get_one", BATCH, ValueLayout.ADDRESS, INT);
    decode = function("llama_decode", INT, ValueLayout.ADDRESS, BATCH);
    logits = function("llama_get_logits_ith", ValueLayout.ADDRESS, ValueLayout.ADDRESS, INT);
  }

  /**
   * Copies the library out of the class path, where that was not done before, and loads it; the
   * artifact's own classes will use the same copy.
   *
   * @param files the folder below which it is kept
   * @throws IOException if it is not on the class path or cannot be copied
   * @throws IllegalStateException if it is another build
   */
  static LlamaLibrary open(Path files) throws IOException {
    Path folder = files.resolve("llama-b" + BUILD);
    Path file = folder.resolve("libjllama.so");
    if (!Files.exists(file)) {
      copy(file);
    }
    System.setProperty(PATH_PROPERTY, folder.toString());
    LlamaLibrary library = new LlamaLibrary("llama.cpp b" + BUILD, file);
    int build = library.symbols.findOrThrow("LLAMA_BUILD_NUMBER").reinterpret(4).get(INT, 0);
    if (build != BUILD) {
      throw new IllegalStateException(
          "LlamaLibrary: llama.cpp is build " + build + ", expected " + BUILD);
    }
    library.start();
    return library;
  }

  /**
   * Loads a build that lies in a folder: {@code libllama*.so}, {@code libggml*.so} and the
   * libraries for kinds of processors, of which it chooses one.
   *
   * @throws IOException if they are not there
   */
  static LlamaLibrary openFolder(Path folder) throws IOException {
    LlamaLibrary library =
        new LlamaLibrary(
            "llama.cpp in " + folder.getFileName(), find(folder, "libllama(\\.v[0-9.]+)?\\.so"));
    SymbolLookup ggml =
        SymbolLookup.libraryLookup(find(folder, "libggml(\\.v[0-9.]+)?\\.so"), library.arena);
    Optional<MemorySegment> load = ggml.find("ggml_backend_load_all_from_path");
    if (load.isPresent()) {
      library.loadProcessors(load.get(), folder);
    }
    library.start();
    return library;
  }

  private static Path find(Path folder, String name) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.getFileName().toString().matches(name))
          .findFirst()
          .orElseThrow(() -> new IOException("LlamaLibrary: no " + name + " in " + folder));
    }
  }

  private void loadProcessors(MemorySegment load, Path folder) {
    try (Arena call = Arena.ofConfined()) {
      Linker.nativeLinker()
          .downcallHandle(load, FunctionDescriptor.ofVoid(ValueLayout.ADDRESS))
          .invokeExact(call.allocateFrom(folder.toString()));
    } catch (Throwable e) {
      throw failure("ggml_backend_load_all_from_path", e);
    }
  }

  private static void copy(Path file) throws IOException {
    Files.createDirectories(file.getParent());
    Path part = Files.createTempFile(file.getParent(), "part-", ".so");
    try (InputStream in = LlamaLibrary.class.getClassLoader().getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new IOException("LlamaLibrary: no " + RESOURCE + "; build with -Ppeers");
      }
      Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
    }
    Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Returns the build and what the library says of the processor's instructions. */
  String describe() {
    try {
      MethodHandle call = function("llama_print_system_info", ValueLayout.ADDRESS);
      MemorySegment text = (MemorySegment) call.invokeExact();
      return name + " (" + text.reinterpret(MAX_TEXT).getString(0).strip() + ")";
    } catch (Throwable e) {
      throw failure("llama_print_system_info", e);
    }
  }

  private void start() {
    try {
      MethodHandle logger =
          MethodHandles.lookup()
              .findStatic(
                  LlamaLibrary.class,
                  "log",
                  MethodType.methodType(
                      void.class, int.class, MemorySegment.class, MemorySegment.class));
      MemorySegment stub =
          Linker.nativeLinker()
              .upcallStub(
                  logger,
                  FunctionDescriptor.ofVoid(INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS),
                  arena);
      procedure("llama_log_set", ValueLayout.ADDRESS, ValueLayout.ADDRESS)
          .invokeExact(stub, MemorySegment.NULL);
      procedure("llama_backend_init").invokeExact();
    } catch (Throwable e) {
      throw failure("llama_backend_init", e);
    }
  }

  @SuppressWarnings({"unused", "EffectivelyPrivate"}) // called by the library
  private static void log(int level, MemorySegment text, MemorySegment data) {
    if (level == ERROR_LEVEL) {
      String line = text.reinterpret(MAX_TEXT).getString(0).strip();
      ERRORS.updateAndGet(before -> before.isEmpty() ? line : before + "; " + line);
    }
  }

  /**
   * Opens a file, memory-mapped, on the CPU.
   *
   * @throws UnsupportedOperationException if the library does not know such models
   */
  MemorySegment loadModel(Path file) {
    MemorySegment model = tryToLoad(file);
    if (model.equals(MemorySegment.NULL)) {
      String problem = errors();
      if (problem.contains(UNKNOWN_MODEL)) {
        throw new UnsupportedOperationException(name + " says: " + problem);
      }
      throw new IllegalStateException("LlamaLibrary: cannot load " + file + ": " + problem);
    }
    return model;
  }

  /** Returns what has gone wrong since it was asked last. */
  private static String errors() {
    String errors = ERRORS.getAndSet("");
    return errors.isEmpty() ? NO_MESSAGE : errors;
  }

  private MemorySegment tryToLoad(Path file) {
    try (Arena call = Arena.ofConfined()) {
      MethodHandle defaults = function("llama_model_default_params", MODEL_PARAMS);
      MemorySegment params = (MemorySegment) defaults.invoke(call);
      MethodHandle load =
          function(
              "llama_model_load_from_file", ValueLayout.ADDRESS, ValueLayout.ADDRESS, MODEL_PARAMS);
      MemorySegment name = call.allocateFrom(file.toString());
      return (MemorySegment) load.invokeExact(name, params);
    } catch (Throwable e) {
      throw failure("llama_model_load_from_file", e);
    }
  }

  /** Makes a context with the library's defaults but for the given ones. */
  MemorySegment newContext(MemorySegment model, int tokens, int threads) {
    try (Arena call = Arena.ofConfined()) {
      MethodHandle defaults = function("llama_context_default_params", CONTEXT_PARAMS);
      MemorySegment params = (MemorySegment) defaults.invoke(call);
      params.set(INT, 0, tokens);
      MethodHandle make =
          function(
              "llama_init_from_model", ValueLayout.ADDRESS, ValueLayout.ADDRESS, CONTEXT_PARAMS);
      MemorySegment context = (MemorySegment) make.invokeExact(model, params);
      requireMade(context, "cannot make a context");
      procedure("llama_set_n_threads", ValueLayout.ADDRESS, INT, INT)
          .invokeExact(context, threads, threads);
      return context;
    } catch (Throwable e) {
      throw failure("llama_init_from_model", e);
    }
  }

  private static void requireMade(MemorySegment result, String problem) {
    if (result.equals(MemorySegment.NULL)) {
      throw new IllegalStateException("LlamaLibrary: " + problem + ": " + errors());
    }
  }

  /** Returns how many tokens a model has. */
  int vocabSize(MemorySegment model) {
    try {
      MethodHandle vocab =
          function("llama_model_get_vocab", ValueLayout.ADDRESS, ValueLayout.ADDRESS);
      MethodHandle size = function("llama_vocab_n_tokens", INT, ValueLayout.ADDRESS);
      MemorySegment tokens = (MemorySegment) vocab.invokeExact(model);
      return (int) size.invokeExact(tokens);
    } catch (Throwable e) {
      throw failure("llama_vocab_n_tokens", e);
    }
  }

  /** Forgets the tokens that were read: one call in older builds, two in newer ones. */
  void clear(MemorySegment context) {
    try {
      if (symbols.find(OLD_CLEAR).isPresent()) {
        procedure(OLD_CLEAR, ValueLayout.ADDRESS).invokeExact(context);
        return;
      }
      MethodHandle find = function("llama_get_memory", ValueLayout.ADDRESS, ValueLayout.ADDRESS);
      MemorySegment memory = (MemorySegment) find.invokeExact(context);
      procedure("llama_memory_clear", ValueLayout.ADDRESS, ValueLayout.JAVA_BOOLEAN)
          .invokeExact(memory, true);
    } catch (Throwable e) {
      throw failure("llama_memory_clear", e);
    }
  }

  /**
   * Reads tokens.
   *
   * @param tokens 32-bit ids
   * @param scratch memory for the call
   * @param vocab how many tokens the model has
   * @return the logits of the last token, valid until the next call
   */
  MemorySegment decode(MemorySegment context, MemorySegment tokens, Arena scratch, int vocab) {
    try {
      int count = (int) (tokens.byteSize() / Integer.BYTES);
      MemorySegment batch = (MemorySegment) batchOfTokens.invoke(scratch, tokens, count);
      int result = (int) decode.invokeExact(context, batch);
      if (result != 0) {
        throw new IllegalStateException(
            "LlamaLibrary: llama_decode returned " + result + ": " + errors());
      }
      MemorySegment last = (MemorySegment) logits.invokeExact(context, -1);
      return last.reinterpret((long) vocab * Float.BYTES);
    } catch (Throwable e) {
      throw failure("llama_decode", e);
    }
  }

  /** Frees a context and its model. */
  void free(MemorySegment context, MemorySegment model) {
    try {
      procedure("llama_free", ValueLayout.ADDRESS).invokeExact(context);
      procedure("llama_model_free", ValueLayout.ADDRESS).invokeExact(model);
    } catch (Throwable e) {
      throw failure("llama_free", e);
    }
  }

  private MethodHandle function(String name, MemoryLayout result, MemoryLayout... inputs) {
    return Linker.nativeLinker()
        .downcallHandle(symbols.findOrThrow(name), FunctionDescriptor.of(result, inputs));
  }

  private MethodHandle procedure(String name, MemoryLayout... inputs) {
    return Linker.nativeLinker()
        .downcallHandle(symbols.findOrThrow(name), FunctionDescriptor.ofVoid(inputs));
  }

  private static IllegalStateException failure(String function, Throwable cause) {
    return cause instanceof IllegalStateException known
        ? known
        : new IllegalStateException("LlamaLibrary: " + function + " failed: " + cause, cause);
  }
}
