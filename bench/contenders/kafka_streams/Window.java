import java.util.Arrays;

/**
 * How many, and how much, in the last day, month, year: state/window.py in Java. Hours for a day,
 * days for 28, blocks of 28 days for a year; a flat run of (bucket, count, sum), newest last.
 */
final class Window {
    private static final long HOUR = 3_600_000L, DAY = 24 * HOUR;
    private static final long[] WIDTH = {HOUR, DAY, 28 * DAY}, KEPT = {DAY, 28 * DAY, 365 * DAY};
    private static final int LEVELS = 3, FIELDS = 3;

    private long[] cells = new long[4 * FIELDS];
    private int size;

    void add(long at, long newest, long amount) {
        if (at / HOUR == newest / HOUR && size > 0 && cells[size - FIELDS] == at / HOUR * LEVELS) {
            cells[size - 2]++;
            cells[size - 1] += amount;
            return;
        }
        int level = level(at, newest);
        if (level >= 0) merge(level, at / WIDTH[level], 1, amount);
        if (isOutdated(newest)) coarsen(newest);
    }

    private static int level(long at, long newest) {
        for (int i = 0; i < LEVELS; i++)
            if (at / WIDTH[i] > (newest - KEPT[i]) / WIDTH[i] - 1) return i;
        return -1;
    }

    private boolean isOutdated(long newest) {
        int previous = -1;
        for (int i = 0; i < size; i += FIELDS) {
            int level = (int) (cells[i] % LEVELS);
            if (level == previous) continue;
            if (cells[i] / LEVELS <= (newest - KEPT[level]) / WIDTH[level] - 1) return true;
            previous = level;
        }
        return false;
    }

    private void coarsen(long newest) {
        long[] old = Arrays.copyOf(cells, size);
        size = 0;
        for (int i = 0; i < old.length; i += FIELDS) {
            int held = (int) (old[i] % LEVELS);
            long at = old[i] / LEVELS * WIDTH[held];
            int coarse = level(at, newest);
            if (coarse < 0) continue;
            coarse = Math.max(coarse, held);
            merge(coarse, at / WIDTH[coarse], old[i + 1], old[i + 2]);
        }
    }

    private void merge(int level, long start, long count, long amount) {
        long bucket = start * LEVELS + level;
        int i = size - FIELDS;
        for (; i >= 0; i -= FIELDS) {
            if (cells[i] == bucket) {
                cells[i + 1] += count;
                cells[i + 2] += amount;
                return;
            }
            int held = (int) (cells[i] % LEVELS);
            if (held > level || (held == level && cells[i] < bucket)) break;
        }
        if (size == cells.length) cells = Arrays.copyOf(cells, 2 * size);
        int place = i + FIELDS;
        System.arraycopy(cells, place, cells, place + FIELDS, size - place);
        cells[place] = bucket;
        cells[place + 1] = count;
        cells[place + 2] = amount;
        size += FIELDS;
    }

    void write(Packed out) {
        out.number(size);
        for (int i = 0; i < size; i++) out.number(cells[i]);
    }

    void read(Packed in) {
        size = in.count();
        if (size > cells.length) cells = new long[size];
        for (int i = 0; i < size; i++) cells[i] = in.number();
    }
}
