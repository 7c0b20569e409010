package io.github.mamba4j.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Builds ZIP archives by hand, straight from the format's description, right or wrong ones. */
final class ZipBytes {

  private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
  private static final int STREAMED_FLAG = 8;

  /** An entry as the central directory declares it. */
  record Entry(String name, int method, int flags, long size, long offset) {}

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final List<Entry> entries = new ArrayList<>();

  /** Adds a stored entry as a streaming writer does: sizes only in the directory. */
  ZipBytes add(String name, byte[] data) {
    return add(name, data, 0, STREAMED_FLAG);
  }

  ZipBytes add(String name, byte[] data, int method, int flags) {
    entries.add(new Entry(name, method, flags, data.length, out.size()));
    byte[] text = name.getBytes(StandardCharsets.UTF_8);
    byte[] extra = new byte[5]; // torch pads here; the directory has another length
    ByteBuffer header = ByteBuffer.allocate(30).order(LITTLE);
    header.putInt(0x04034b50).putShort((short) 20).putShort((short) flags).putShort((short) method);
    header.position(26).putShort((short) text.length).putShort((short) extra.length);
    out.writeBytes(header.array());
    out.writeBytes(text);
    out.writeBytes(extra);
    out.writeBytes(data);
    return this;
  }

  /** Makes the directory say something else about the last entry. */
  ZipBytes declare(long size, long offset) {
    Entry last = entries.removeLast();
    entries.add(new Entry(last.name(), last.method(), last.flags(), size, offset));
    return this;
  }

  byte[] build() {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(out.toByteArray());
    for (Entry entry : entries) {
      all.writeBytes(central(entry, (int) entry.size(), (int) entry.offset(), new byte[0]));
    }
    int size = all.size() - out.size();
    all.writeBytes(end(entries.size(), size, out.size()));
    return all.toByteArray();
  }

  /** The same archive with every number in its 64-bit place. */
  byte[] build64() {
    byte[] tail = tail64(0);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(out.toByteArray());
    all.writeBytes(tail);
    return all.toByteArray();
  }

  /** What follows the entries in a ZIP64 archive whose last entry has a hole of zeros after it. */
  byte[] tail64(long hole) {
    ByteArrayOutputStream tail = new ByteArrayOutputStream();
    for (int i = 0; i < entries.size(); i++) {
      Entry entry = entries.get(i);
      long size = entry.size() + (i == entries.size() - 1 ? hole : 0);
      ByteBuffer extra = ByteBuffer.allocate(6 + 28).order(LITTLE);
      extra.putShort((short) 0x7075).putShort((short) 2).putShort((short) 0);
      extra.putShort((short) 1).putShort((short) 24).putLong(size).putLong(size);
      extra.putLong(entry.offset());
      tail.writeBytes(central(entry, -1, -1, extra.array()));
    }
    long directory = out.size() + hole;
    long size = tail.size();
    ByteBuffer end64 = ByteBuffer.allocate(56 + 20).order(LITTLE);
    end64.putInt(0x06064b50).putLong(44).putShort((short) 45).putShort((short) 45);
    end64.putInt(0).putInt(0).putLong(entries.size()).putLong(entries.size());
    end64.putLong(size).putLong(directory);
    end64.putInt(0x07064b50).putInt(0).putLong(directory + size).putInt(1);
    tail.writeBytes(end64.array());
    tail.writeBytes(end(0xffff, -1, -1));
    return tail.toByteArray();
  }

  byte[] entriesOnly() {
    return out.toByteArray();
  }

  private static byte[] central(Entry entry, int size, int offset, byte[] extra) {
    byte[] text = entry.name().getBytes(StandardCharsets.UTF_8);
    ByteBuffer header = ByteBuffer.allocate(46 + text.length + extra.length).order(LITTLE);
    header.putInt(0x02014b50).putInt(0).putShort((short) entry.flags());
    header.putShort((short) entry.method()).putLong(0).putInt(size).putInt(size);
    header.putShort((short) text.length).putShort((short) extra.length).putShort((short) 0);
    header.putLong(0).putInt(offset).put(text).put(extra);
    return header.array();
  }

  private static byte[] end(int count, int size, int offset) {
    ByteBuffer end = ByteBuffer.allocate(22).order(LITTLE);
    end.putInt(0x06054b50).putInt(0).putShort((short) count).putShort((short) count);
    end.putInt(size).putInt(offset).putShort((short) 0);
    return end.array();
  }
}
