package io.github.mamba4j.oracle;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Derivatives of a float64 function by central differences at four points, {@code f'(x) ≈
 * (8·(f(x+h) − f(x−h)) − (f(x+2h) − f(x−2h)))/12h}.
 *
 * <p>The truncation error is h⁴·f⁽⁵⁾/30 and the rounding error about 1e−16·f/h: with the default
 * step 1e−3 both stay near 1e−12 for functions of ordinary size. Points are copied, never changed.
 */
public final class FiniteDifference {

  /** The step that suits functions and arguments of about size 1. */
  public static final double STEP = 1e-3;

  private FiniteDifference() {}

  /** The whole gradient of f at the point: four evaluations an element. */
  public static double[] gradient(ToDoubleFunction<double[]> f, double[] point) {
    double[] gradient = new double[point.length];
    for (int i = 0; i < point.length; i++) {
      gradient[i] = partial(f, point, i);
    }
    return gradient;
  }

  /** The derivative of f in one coordinate. */
  public static double partial(ToDoubleFunction<double[]> f, double[] point, int index) {
    double[] direction = new double[point.length];
    direction[index] = 1;
    return directional(f, point, direction, STEP);
  }

  /** The derivative of f along a direction, which is the gradient times the direction. */
  public static double directional(
      ToDoubleFunction<double[]> f, double[] point, double[] direction) {
    return directional(f, point, direction, STEP);
  }

  /** The derivative of f along a direction with a given step. */
  public static double directional(
      ToDoubleFunction<double[]> f, double[] point, double[] direction, double step) {
    double near =
        f.applyAsDouble(moved(point, direction, step))
            - f.applyAsDouble(moved(point, direction, -step));
    double far =
        f.applyAsDouble(moved(point, direction, 2 * step))
            - f.applyAsDouble(moved(point, direction, -2 * step));
    return (8 * near - far) / (12 * step);
  }

  /** The gradient of a function of several named arrays with respect to one of them. */
  public static double[] gradient(
      ToDoubleFunction<Map<String, double[]>> f, Map<String, double[]> point, String name) {
    return gradient(value -> f.applyAsDouble(replaced(point, name, value)), array(point, name));
  }

  /** The derivative of a function of several named arrays in one element of one of them. */
  public static double partial(
      ToDoubleFunction<Map<String, double[]>> f,
      Map<String, double[]> point,
      String name,
      int index) {
    return partial(
        value -> f.applyAsDouble(replaced(point, name, value)), array(point, name), index);
  }

  /** A copy of the map with one array exchanged. */
  public static Map<String, double[]> replaced(
      Map<String, double[]> arrays, String name, double[] value) {
    Map<String, double[]> copy = new LinkedHashMap<>(arrays);
    copy.put(name, value);
    return copy;
  }

  private static double[] array(Map<String, double[]> arrays, String name) {
    double[] array = arrays.get(name);
    if (array == null) {
      throw new IllegalArgumentException(
          "FiniteDifference: name " + name + " is none of " + arrays.keySet());
    }
    return array;
  }

  private static double[] moved(double[] point, double[] direction, double distance) {
    double[] moved = point.clone();
    for (int i = 0; i < moved.length; i++) {
      moved[i] += distance * direction[i];
    }
    return moved;
  }
}
