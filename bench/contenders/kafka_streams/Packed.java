import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;

/** A row's binary form: numbers in as few bytes as they need, texts after their length. */
final class Packed {
    private byte[] bytes;
    private int at;

    Packed(byte[] bytes) {
        this.bytes = bytes;
    }

    void number(long value) {
        if (at + 10 > bytes.length) bytes = Arrays.copyOf(bytes, 2 * bytes.length);
        while ((value & ~0x7FL) != 0) {
            bytes[at++] = (byte) (value | 0x80);
            value >>>= 7;
        }
        bytes[at++] = (byte) value;
    }

    void text(String text) {
        byte[] encoded = text.getBytes(UTF_8);
        number(encoded.length);
        while (at + encoded.length > bytes.length) bytes = Arrays.copyOf(bytes, 2 * bytes.length);
        System.arraycopy(encoded, 0, bytes, at, encoded.length);
        at += encoded.length;
    }

    /** What was written; the buffer can be written again. */
    byte[] take() {
        byte[] written = Arrays.copyOf(bytes, at);
        at = 0;
        return written;
    }

    long number() {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte next = bytes[at++];
            value |= (next & 0x7FL) << shift;
            if (next >= 0) return value;
        }
    }

    int count() {
        return (int) number();
    }

    String text() {
        int length = count();
        String text = new String(bytes, at, length, UTF_8);
        at += length;
        return text;
    }
}
