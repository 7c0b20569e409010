package io.github.mamba4j.ssm;

import java.util.Arrays;
import java.util.Locale;
import org.apache.commons.math3.complex.Complex;

/** Argument rules shared by the public types of this package, with their messages. */
final class Checks {

  private Checks() {}

  /**
   * Requires a rectangular matrix of finite numbers and the given shape.
   *
   * @param where the type or method that reports
   * @param name the argument's name
   * @param matrix the matrix to look at
   * @param rows the number of rows that is expected
   * @param columns the number of columns that is expected
   * @param expected the shape in words, for example {@code [stateSize, inputs]}
   * @throws IllegalArgumentException if a row has another length, the shape differs or an entry is
   *     NaN or infinite
   */
  static void matrix(
      String where, String name, double[][] matrix, int rows, int columns, String expected) {
    if (matrix.length != rows) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "%s: %s has shape [%d, %s], expected %s = [%d, %d]",
              where,
              name,
              matrix.length,
              matrix.length == 0 ? "?" : matrix[0].length,
              expected,
              rows,
              columns));
    }
    for (int i = 0; i < rows; i++) {
      if (matrix[i].length != columns) {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT,
                "%s: %s has %d columns in row %d, expected %s = [%d, %d]",
                where,
                name,
                matrix[i].length,
                i,
                expected,
                rows,
                columns));
      }
      for (int j = 0; j < columns; j++) {
        if (!Double.isFinite(matrix[i][j])) {
          throw new IllegalArgumentException(
              String.format(
                  Locale.ROOT,
                  "%s: %s[%d][%d] must be finite, got %s",
                  where,
                  name,
                  i,
                  j,
                  matrix[i][j]));
        }
      }
    }
  }

  /**
   * Requires a vector of finite numbers and the given length.
   *
   * @param where the type or method that reports
   * @param name the argument's name
   * @param vector the vector to look at
   * @param length the length that is expected
   * @param expected the shape in words, for example {@code [stateSize]}
   * @throws IllegalArgumentException if the length differs or an entry is NaN or infinite
   */
  static void vector(String where, String name, double[] vector, int length, String expected) {
    if (vector.length != length) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "%s: %s has shape [%d], expected %s = [%d]",
              where,
              name,
              vector.length,
              expected,
              length));
    }
    for (int i = 0; i < length; i++) {
      if (!Double.isFinite(vector[i])) {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT, "%s: %s[%d] must be finite, got %s", where, name, i, vector[i]));
      }
    }
  }

  /**
   * Requires a number of at least 1.
   *
   * @param where the type or method that reports
   * @param name the argument's name
   * @param value the number to look at
   * @throws IllegalArgumentException if it is 0 or negative
   */
  static void positive(String where, String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(
          String.format(Locale.ROOT, "%s: %s must be positive, got %d", where, name, value));
    }
  }

  /**
   * Returns the number of columns of a matrix that must have at least one entry.
   *
   * @param where the type or method that reports
   * @param name the argument's name
   * @param matrix the matrix to look at
   * @return the length of its first row
   * @throws IllegalArgumentException if there is no row or the first row is empty
   */
  static int columns(String where, String name, double[][] matrix) {
    if (matrix.length == 0 || matrix[0].length == 0) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "%s: %s is empty, expected at least one row and one column",
              where,
              name));
    }
    return matrix[0].length;
  }

  /**
   * Returns a deep copy.
   *
   * @param matrix the matrix to copy
   * @return a matrix that shares no row with it
   */
  static double[][] copy(double[][] matrix) {
    return Arrays.stream(matrix).map(double[]::clone).toArray(double[][]::new);
  }

  /**
   * Joins real and imaginary parts.
   *
   * @param real the real parts
   * @param imaginary the imaginary parts, as many
   * @return the complex numbers
   */
  static Complex[] complex(double[] real, double[] imaginary) {
    Complex[] joined = new Complex[real.length];
    for (int i = 0; i < joined.length; i++) {
      joined[i] = new Complex(real[i], imaginary[i]);
    }
    return joined;
  }

  /**
   * Joins real and imaginary parts of a matrix.
   *
   * @param real the real parts
   * @param imaginary the imaginary parts, of the same shape
   * @return the complex numbers
   */
  static Complex[][] complex(double[][] real, double[][] imaginary) {
    Complex[][] joined = new Complex[real.length][];
    for (int i = 0; i < joined.length; i++) {
      joined[i] = complex(real[i], imaginary[i]);
    }
    return joined;
  }
}
