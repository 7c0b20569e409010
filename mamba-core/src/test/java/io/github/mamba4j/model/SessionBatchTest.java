package io.github.mamba4j.model;

import static io.github.mamba4j.model.TinyModels.VOCAB;
import static io.github.mamba4j.model.TinyModels.alone;
import static io.github.mamba4j.model.TinyModels.logits;
import static io.github.mamba4j.model.TinyModels.tokens;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.tensor.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sequences that are decoded together get, to the bit, what each gets alone. */
@Tag("kernels")
@ParameterizedClass
@EnumSource(Architecture.class)
class SessionBatchTest {
  private static Device device;
  private static MambaModel model;
  @Parameter Architecture architecture;

  @BeforeParameterizedClassInvocation
  static void open(Architecture kind) {
    device = TestDevice.open(2);
    model = TinyModels.builder(kind, device).build();
  }

  @AfterParameterizedClassInvocation
  static void close() {
    model.close();
    device.close();
  }

  /** A session beside the state of the same sequence that runs alone. */
  private record Pair(SessionBatch.Session session, InferenceState alone) {
    void check() {
      assertThat(session.position()).isEqualTo(alone.position());
      assertThat(logits(session)).isEqualTo(logits(alone)[0]);
    }
  }

  private static Pair join(SessionBatch batch, Random random) {
    int[] prompt = random.ints(1 + random.nextInt(20), 0, VOCAB).toArray();
    InferenceState state = model.newState();
    state.prefill(prompt);
    SessionBatch.Session session = random.nextBoolean() ? batch.join(prompt) : batch.join(state);
    return new Pair(session, state);
  }

  private static void leave(SessionBatch batch, Pair pair, Random random) {
    int size = batch.size();
    if (random.nextBoolean()) {
      try (InferenceState left = pair.session.leave()) {
        left.step(3);
        pair.alone.step(3);
        assertThat(logits(left)).isEqualTo(logits(pair.alone));
      }
    } else {
      pair.session.close();
    }
    assertThat(batch.size()).isEqualTo(size - 1);
    pair.alone.close();
  }

  /** More than one group of 16; most sessions read at each step, some pause, some come and go. */
  @ParameterizedTest
  @ValueSource(ints = {3, 17, 36})
  void step_joinsAndLeavesInRandomOrder_givesWhatEachGivesAlone(int most) {
    Random random = new Random(most);
    List<Pair> pairs = new ArrayList<>();
    try (SessionBatch batch = SessionBatch.open(model, most)) {
      for (int round = 0; round < 12; round++) {
        while (batch.size() < most && random.nextInt(4) > 0) {
          pairs.add(join(batch, random));
        }
        int ready = 0;
        for (Pair pair : pairs) {
          if (random.nextInt(8) > 0) {
            int token = random.nextInt(VOCAB);
            pair.session.next(token);
            pair.alone.step(token);
            ready++;
          }
        }
        assertThat(batch.step()).isEqualTo(ready);
        pairs.forEach(Pair::check);
        while (!pairs.isEmpty() && random.nextInt(3) == 0) {
          leave(batch, pairs.remove(random.nextInt(pairs.size())), random);
        }
      }
    }
    pairs.forEach(pair -> pair.alone.close());
  }

  @Test
  void fork_session_goesItsOwnWay() {
    try (SessionBatch batch = SessionBatch.open(model, 2)) {
      SessionBatch.Session session = batch.join(tokens(9, 1));
      try (InferenceState fork = session.fork()) {
        session.next(4);
        batch.step();
        fork.step(5);
        assertThat(logits(fork)[0]).isEqualTo(alone(model, tokens(9, 1), 5));
        assertThat(logits(session)).isEqualTo(alone(model, tokens(9, 1), 4));
      }
    }
  }

  @Test
  void step_longRun_takesNoMoreMemory() {
    try (SessionBatch batch = SessionBatch.open(model, 3)) {
      List<SessionBatch.Session> sessions = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        sessions.add(batch.join(tokens(70, i)));
      }
      long before = 0;
      for (int i = 0; i < 10; i++) {
        for (SessionBatch.Session session : sessions) {
          session.next(i % VOCAB);
        }
        batch.step();
        sessions.removeFirst().close();
        sessions.addLast(batch.join(tokens(70, i)));
        before = i == 0 ? batch.reservedBytes() : before;
      }
      assertThat(batch.reservedBytes()).isEqualTo(before);
    }
  }

  @Test
  void badCalls_areRefusedAndChangeNothing() {
    try (SessionBatch batch = SessionBatch.open(model, 1);
        InferenceState two = model.newState(2)) {
      assertThat(batch.step()).isZero();
      assertThatThrownBy(batch::join).hasMessageContaining("the prompt is empty");
      assertThatThrownBy(() -> batch.join(1, 29)).hasMessageContaining("token id 29 at index 1");
      assertThatThrownBy(() -> batch.join(two)).hasMessageContaining("one sequence");
      SessionBatch.Session session = batch.join(1, 2);
      assertThatThrownBy(() -> batch.join(1)).hasMessageContaining("all 1 places are taken");
      assertThatThrownBy(() -> session.next(-1)).hasMessageContaining("token id -1");
      session.leave().close();
      session.close();
      assertThatThrownBy(() -> session.next(1)).hasMessageContaining("has left");
      assertThatThrownBy(session::logits).hasMessageContaining("has left");
      assertThat(batch.size()).isZero();
    }
    assertThatThrownBy(() -> SessionBatch.open(model, 0))
        .hasMessageContaining("maxSessions must be positive, got 0");
  }

  @Test
  void close_batch_endsItsSessions() {
    SessionBatch batch = SessionBatch.open(model, 2);
    SessionBatch.Session session = batch.join(1);
    batch.close();
    assertThat(batch.reservedBytes()).isZero();
    assertThatThrownBy(session::position).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(batch::step).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> batch.join(1)).hasMessageContaining("is closed");
    session.close();
    batch.close();
  }
}
