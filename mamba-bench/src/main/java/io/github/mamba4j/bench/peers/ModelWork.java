package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.PublishedModel;
import io.github.mamba4j.bench.peers.ModelCell.Task;
import io.github.mamba4j.checkpoint.StoredType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A model file at work: single tokens, a prompt, or a process from its start to its first token.
 *
 * @param task which of them
 */
record ModelWork(Task task) implements Work {
  /** The system property that names the folder of another build of llama.cpp. */
  static final String LLAMA_FOLDER = "mamba.bench.llama";

  @Override
  public List<Cell> cells(PeerOptions options) {
    List<Cell> cells = new ArrayList<>();
    for (PublishedModel model : options.models()) {
      for (StoredType weights : options.weights()) {
        ModelCell cell = new ModelCell(task, model, weights);
        cells.add(
            switch (task) {
              case DECODE -> new Cell(cell.name(), "tokens/s", ModelCell.STEPS, cell.tolerance());
              case PREFILL -> new Cell(cell.name(), "tokens/s", ModelCell.PROMPT, cell.tolerance());
              case START -> Cell.time(cell.name(), cell.tolerance());
            });
      }
    }
    return cells;
  }

  @Override
  public List<Entry> entries(PeerOptions options) {
    List<Entry> entries = new ArrayList<>();
    entries.add(Entry.ours(OwnModel.class));
    entries.add(Entry.scalar(OwnModel.class));
    entries.add(Entry.narrow(OwnModel.class));
    entries.add(Entry.peer("llama.cpp", "LlamaNative"));
    options
        .llama()
        .ifPresent(folder ->
            entries.add(
                Entry.peer("llama.cpp, given build", "LlamaNative")
                    .with("-D" + LLAMA_FOLDER + "=" + folder.toAbsolutePath())));
    if (task == Task.START) {
      return entries.stream().map(entry -> entry.archived(options.files())).toList();
    }
    entries.add(Entry.peer("llama.cpp through Java API", "LlamaJava"));
    return entries;
  }

  @Override
  public void makeFiles(PeerOptions options) throws IOException {
    for (PublishedModel model : options.models()) {
      ModelFiles.make(options.files(), model, options.weights());
    }
  }

  @Override
  public int warmUpSeconds() {
    return 5;
  }

  @Override
  public boolean cold() {
    return task == Task.START;
  }
}
