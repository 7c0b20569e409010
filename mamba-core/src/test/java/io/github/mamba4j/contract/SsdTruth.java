package io.github.mamba4j.contract;

import io.github.mamba4j.spi.SsdKernels.Shape;

/**
 * The scan of Mamba-2 and its gradients in double precision, head after head and step by step from
 * the equations, with every state of a head kept. Arrays are contiguous.
 */
final class SsdTruth {
  final Shape shape;
  final double[] x;
  final double[] dt;
  final double[] a;
  final double[] b;
  final double[] c;
  final double[] dSkip;
  final double[] dtBias;
  final double[] initialState;
  final double[] outGrad;
  final double[] finalStateGrad;

  final double[] out;
  final double[] finalState;
  private final double[][] gradients;

  SsdTruth(Shape shape) {
    this.shape = shape;
    int rows = shape.batch() * shape.length();
    x = new double[rows * shape.dInner()];
    dt = new double[rows * shape.heads()];
    a = new double[shape.heads()];
    b = new double[rows * shape.groups() * shape.dState()];
    c = new double[b.length];
    dSkip = new double[shape.skipPerChannel() ? shape.dInner() : shape.heads()];
    dtBias = new double[shape.heads()];
    initialState = new double[shape.batch() * shape.dState() * shape.dInner()];
    outGrad = new double[x.length];
    finalStateGrad = new double[initialState.length];
    out = new double[x.length];
    finalState = new double[initialState.length];
    gradients = new double[inputs().length][];
  }

  /** Every input, in the order of {@link #gradients}. */
  double[][] inputs() {
    return new double[][] {x, dt, a, b, c, dSkip, dtBias, initialState};
  }

  double[][] gradients() {
    return gradients;
  }

  /** Returns what the gradients are the gradients of. */
  double objective() {
    run();
    double sum = 0;
    for (int i = 0; i < out.length; i++) {
      sum += out[i] * outGrad[i];
    }
    for (int i = 0; i < finalState.length; i++) {
      sum += finalState[i] * finalStateGrad[i];
    }
    return sum;
  }

  /** Computes the result, the final state and all gradients. */
  void run() {
    for (int i = 0; i < gradients.length; i++) {
      gradients[i] = new double[inputs()[i].length];
    }
    int state = shape.dState() * shape.headDim();
    double[][] states = new double[shape.length() + 1][state];
    for (int sequence = 0; sequence < shape.batch(); sequence++) {
      for (int head = 0; head < shape.heads(); head++) {
        forward(sequence, head, states);
        backward(sequence, head, states);
      }
    }
  }

  private int projection(int row, int head) {
    int group = head / (shape.heads() / shape.groups());
    return (row * shape.groups() + group) * shape.dState();
  }

  private int state(int sequence, int head, int n) {
    return (sequence * shape.dState() + n) * shape.dInner() + head * shape.headDim();
  }

  private int skip(int head, int p) {
    return shape.skipPerChannel() ? head * shape.headDim() + p : head;
  }

  private double raw(int row, int head) {
    return dt[row * shape.heads() + head] + dtBias[head];
  }

  private double delta(int row, int head) {
    double raw = raw(row, head);
    double softplus = raw > 40 ? raw : Math.log1p(Math.exp(raw));
    return Math.clamp(softplus, shape.stepMin(), shape.stepMax());
  }

  private void forward(int sequence, int head, double[][] states) {
    int dim = shape.headDim();
    for (int n = 0; n < shape.dState(); n++) {
      System.arraycopy(initialState, state(sequence, head, n), states[0], n * dim, dim);
    }
    for (int t = 0; t < shape.length(); t++) {
      int row = sequence * shape.length() + t;
      double delta = delta(row, head);
      double decay = Math.exp(delta * a[head]);
      int from = row * shape.dInner() + head * dim;
      int projection = projection(row, head);
      for (int p = 0; p < dim; p++) {
        double sum = dSkip[skip(head, p)] * x[from + p];
        for (int n = 0; n < shape.dState(); n++) {
          int i = n * dim + p;
          double h = decay * states[t][i] + delta * b[projection + n] * x[from + p];
          states[t + 1][i] = h;
          sum += c[projection + n] * h;
        }
        out[from + p] = sum;
      }
    }
    for (int n = 0; n < shape.dState(); n++) {
      System.arraycopy(states[shape.length()], n * dim, finalState, state(sequence, head, n), dim);
    }
  }

  private void backward(int sequence, int head, double[][] states) {
    int dim = shape.headDim();
    double[] grad = new double[shape.dState() * dim];
    for (int n = 0; n < shape.dState(); n++) {
      System.arraycopy(finalStateGrad, state(sequence, head, n), grad, n * dim, dim);
    }
    for (int t = shape.length() - 1; t >= 0; t--) {
      backward(sequence * shape.length() + t, head, states[t], states[t + 1], grad);
    }
    for (int n = 0; n < shape.dState(); n++) {
      System.arraycopy(grad, n * dim, gradients[7], state(sequence, head, n), dim);
    }
  }

  private void backward(int row, int head, double[] before, double[] after, double[] grad) {
    int dim = shape.headDim();
    int from = row * shape.dInner() + head * dim;
    int projection = projection(row, head);
    double delta = delta(row, head);
    double decay = Math.exp(delta * a[head]);
    double decayGrad = 0;
    double deltaGrad = 0;
    for (int p = 0; p < dim; p++) {
      double y = outGrad[from + p];
      gradients[5][skip(head, p)] += y * x[from + p];
      gradients[0][from + p] += y * dSkip[skip(head, p)];
      for (int n = 0; n < shape.dState(); n++) {
        int i = n * dim + p;
        double g = grad[i] + y * c[projection + n];
        gradients[3][projection + n] += delta * g * x[from + p];
        gradients[4][projection + n] += y * after[i];
        gradients[0][from + p] += delta * g * b[projection + n];
        deltaGrad += g * b[projection + n] * x[from + p];
        decayGrad += g * before[i];
        grad[i] = decay * g;
      }
    }
    deltaGrad += a[head] * decay * decayGrad;
    gradients[2][head] += delta * decay * decayGrad;
    double raw = raw(row, head);
    double softplus = raw > 40 ? raw : Math.log1p(Math.exp(raw));
    boolean clamped = softplus < shape.stepMin() || softplus > shape.stepMax();
    double rawGrad = clamped ? 0 : deltaGrad / (1 + Math.exp(-raw));
    gradients[1][row * shape.heads() + head] = rawGrad;
    gradients[6][head] += rawGrad;
  }
}
