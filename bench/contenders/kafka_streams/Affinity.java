import java.util.HashMap;
import java.util.Map;

/** What does a customer like? The few heaviest names, with weights that fade: state/affinity.py. */
final class Affinity {
    private static final long HALF_LIFE = 30 * Row.DAY, RESCALE_AFTER = 10 * HALF_LIFE;
    private static final double RATE = Math.log(2) / HALF_LIFE;
    private static final int UNIT = 10;

    private long day;
    private Map<String, Long> weights = new HashMap<>(8);

    void add(String name, double weight, long at, int max) {
        if (day == 0 || at - day * Row.DAY > RESCALE_AFTER) rescale(at / Row.DAY);
        double grown = weight * (UNIT * Math.exp(RATE * (at - day * Row.DAY)));
        weights.merge(name, (long) Math.rint(grown), Long::sum);
        while (weights.size() > max) weights.remove(lightest());
    }

    /** Of equals the last one by name. */
    private String lightest() {
        String found = null;
        long least = 0;
        for (Map.Entry<String, Long> it : weights.entrySet()) {
            long weight = it.getValue();
            boolean isLighter = found == null || weight < least;
            if (isLighter || (weight == least && it.getKey().compareTo(found) > 0)) {
                found = it.getKey();
                least = weight;
            }
        }
        return found;
    }

    private void rescale(long to) {
        double fade = day == 0 ? 1 : Math.exp(RATE * Row.DAY * (day - to));
        weights.replaceAll((name, weight) -> (long) Math.rint(weight * fade));
        weights.values().removeIf(weight -> weight == 0);
        day = to;
    }

    void write(Packed out) {
        out.number(day);
        out.number(weights.size());
        weights.forEach((name, weight) -> {
            out.text(name);
            out.number(weight);
        });
    }

    void read(Packed in) {
        day = in.number();
        for (int left = in.count(); left > 0; left--) weights.put(in.text(), in.number());
    }
}
