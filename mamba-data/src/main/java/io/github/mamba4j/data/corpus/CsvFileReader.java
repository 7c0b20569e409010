package io.github.mamba4j.data.corpus;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import de.siegmar.fastcsv.reader.FieldMismatchStrategy;
import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads one column of a CSV file (RFC 4180, the first row names the columns), row by row. */
final class CsvFileReader {

  private static final Pattern LINE = Pattern.compile("\\bline (\\d+)");

  private final Path file;
  private final String column;
  private final char separator;

  /** The first line of the row that was read last. */
  private long line;

  CsvFileReader(Path file, String column, char separator) {
    this.file = file;
    this.column = column;
    this.separator = separator;
  }

  void read(TextFileReader.TextVisitor visitor) throws IOException {
    CsvReader.CsvReaderBuilder builder =
        CsvReader.builder()
            .fieldSeparator(separator)
            .allowUnclosedQuote(false)
            // Checked below, with the line.
            .extraFieldStrategy(FieldMismatchStrategy.IGNORE)
            .missingFieldStrategy(FieldMismatchStrategy.IGNORE);
    try (CsvReader<CsvRecord> csv = builder.ofCsvRecord(new Utf8Reader(file))) {
      readRows(csv, visitor);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } catch (CsvParseException e) {
      for (Throwable t = e; t != null; t = t.getCause()) {
        if (t instanceof DataException broken) {
          throw broken;
        }
      }
      throw broken(e);
    }
  }

  private void readRows(CsvReader<CsvRecord> csv, TextFileReader.TextVisitor visitor)
      throws IOException {
    List<String> names = List.of();
    int index = -1;
    for (CsvRecord row : csv) {
      line = row.getStartingLineNumber();
      if (index < 0) {
        names = row.getFields();
        index = columnIndex(names);
      } else if (row.getFieldCount() != names.size()) {
        throw new DataException(
            String.format(
                Locale.ROOT,
                "%s: line %d: the row has %d columns, expected %d as in the header",
                file,
                line,
                row.getFieldCount(),
                names.size()));
      } else {
        visitor.visit(row.getField(index));
      }
    }
    if (index < 0) {
      throw new DataException(file + ": is empty, expected a row that names the columns");
    }
  }

  private int columnIndex(List<String> names) throws DataException {
    int index = names.indexOf(column);
    if (index < 0 || names.lastIndexOf(column) != index) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: has %s column \"%s\" among \"%s\"; name the column that holds the text",
              file,
              index < 0 ? "no" : "more than one",
              column,
              String.join("\", \"", names)));
    }
    return index;
  }

  private DataException broken(CsvParseException e) {
    String message = String.valueOf(e.getMessage());
    Matcher matcher = LINE.matcher(message);
    String where = matcher.find() ? matcher.group(1) : (line + 1) + " or below";
    return new DataException(
        String.format(Locale.ROOT, "%s: line %s: the row is broken (%s)", file, where, message), e);
  }
}
