import static org.apache.kafka.clients.admin.AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams: one processor over a RocksDB store with its changelog topic, one stream thread.
 *
 * <p>The run is over when the commit after the last event is done, as the group's offsets tell.
 */
public final class Contender {
    private static final String STORE = "rows";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final OperatingSystemMXBean SYSTEM =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    /** What is said, with its evidence. */
    record Trigger(
        String kind, String customer_id, String causation_id, long at,
        Map<String, Double> values) {}

    /** From the first record to the last one committed; only the stream thread counts. */
    static final class Meter {
        final AtomicBoolean isAllProcessed = new AtomicBoolean();
        final long eventsMax;
        long events, triggers, beganNs, beganCpuNs;

        Meter(long eventsMax) {
            this.eventsMax = eventsMax;
        }

        void begin() {
            if (beganNs != 0) return;
            beganCpuNs = SYSTEM.getProcessCpuTime();
            beganNs = System.nanoTime();
        }

        /** Whether that was the last event. */
        boolean count(int said) {
            triggers += said;
            return ++events == eventsMax;
        }
    }

    /** bench/logic.py in Java: fold an event into its row, ask three rules. */
    static final class Decide implements Processor<String, byte[], String, byte[]> {
        private static final ObjectReader EVENT = JSON.readerFor(Event.class);
        private static final ObjectWriter TRIGGER = JSON.writerFor(Trigger.class);
        private static final long PAUSE = Row.DAY;
        private static final int QUIET_GAPS = 3;

        private final Meter meter;
        private final Row.Rhythm rhythm = new Row.Rhythm();
        private ProcessorContext<String, byte[]> context;
        private KeyValueStore<String, Row> rows;
        private int said;

        Decide(Meter meter) {
            this.meter = meter;
        }

        @Override
        public void init(ProcessorContext<String, byte[]> given) {
            context = given;
            rows = given.getStateStore(STORE);
        }

        @Override
        public void process(Record<String, byte[]> record) {
            meter.begin();
            try {
                Event event = EVENT.readValue(record.value());
                Row row = rows.get(record.key());
                if (row == null) row = new Row();
                long before = row.lastSeenAt;
                row.fold(event, rhythm);
                said = 0;
                ask(record, row, event, before);
                rows.put(record.key(), row);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
            if (meter.count(said)) {
                context.commit();
                meter.isAllProcessed.set(true);
            }
        }

        private void ask(Record<String, byte[]> record, Row row, Event event, long before)
            throws IOException {
            long quiet = event.at - before;
            if (event.type.equals("review_posted") && event.rating <= 2)
                say(record, row, event, "service_recovery", "rating", event.rating);
            if (!row.cart.isEmpty() && quiet >= Row.HOUR && quiet < Row.DAY)
                say(record, row, event, "abandoned_cart", "lines", row.cart.size());
            if (row.gapHours.isEmpty() || before == 0) return;
            double hours = 0;
            for (long it : row.gapHours) hours += it;
            if (quiet > QUIET_GAPS * Row.HOUR * hours / row.gapHours.size())
                say(record, row, event, "churn_alert", "quiet_hours", quiet / (double) Row.HOUR);
        }

        private void say(
            Record<String, byte[]> record, Row row, Event event, String kind, String name,
            double value) throws IOException {
            Long last = row.saidAt.get(kind);
            if (last != null && event.at - last < PAUSE) return;
            row.saidAt.put(kind, event.at);
            Map<String, Double> evidence = Map.of(name, value);
            Trigger trigger = new Trigger(kind, event.customerId, event.id, event.at, evidence);
            context.forward(record.withValue(TRIGGER.writeValueAsBytes(trigger)));
            said++;
        }
    }

    private static Serde<Row> rowSerde() {
        Packed buffer = new Packed(new byte[4096]);  // There is one stream thread.
        return Serdes.serdeFrom(
            (topic, row) -> row == null ? null : row.pack(buffer),
            (topic, bytes) -> bytes == null ? null : Row.unpack(bytes));
    }

    private static Topology topology(Map<String, String> told, Meter meter) {
        var supplier = Stores.persistentKeyValueStore(STORE);  // RocksDB.
        var rows = Stores.keyValueStoreBuilder(supplier, Serdes.String(), rowSerde());
        var text = Serdes.String();
        var raw = Serdes.ByteArray();
        return new Topology()
            .addSource("in", text.deserializer(), raw.deserializer(), told.get("topic"))
            .addProcessor("decide", () -> new Decide(meter), "in")
            .addStateStore(rows.withLoggingEnabled(Map.of()).withCachingEnabled(), "decide")
            .addSink("out", told.get("out"), text.serializer(), raw.serializer(), "decide");
    }

    /**
     * Exactly once, and Kafka Streams' defaults but for where things are and how many copies a
     * single broker keeps; a word with a dot in its name is one of its own settings.
     */
    private static Properties settings(Map<String, String> told) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, told.get("group"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, told.get("broker"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, told.get("folder") + "/kafka-streams");
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        told.forEach((name, value) -> {
            if (name.contains(".")) settings.put(name, value);
        });
        return settings;
    }

    public static void main(String[] words) throws Exception {
        Map<String, String> told = new HashMap<>();
        for (String word : words) {
            String[] pair = word.substring(2).split("=", 2);
            told.put(pair[0], pair[1]);
        }
        Meter meter = new Meter(Long.parseLong(told.get("events")));
        KafkaStreams streams = new KafkaStreams(topology(told, meter), settings(told));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        while (!meter.isAllProcessed.get()) Thread.sleep(10);
        Map<String, Object> broker = Map.of(BOOTSTRAP_SERVERS_CONFIG, told.get("broker"));
        try (Admin admin = Admin.create(broker)) {
            while (committed(admin, told.get("group")) < meter.eventsMax) Thread.sleep(5);
        }
        finish(streams, meter, Path.of(told.get("result")));
    }

    /** How many records are committed: the source topic has nothing but events, from offset 0. */
    private static long committed(Admin admin, String group) throws Exception {
        long sum = 0;
        var offsets = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        for (OffsetAndMetadata it : offsets.values()) sum += it == null ? 0 : it.offset();
        return sum;
    }

    /** Write the result, and end the process at once: frameworks take their time. */
    private static void finish(KafkaStreams streams, Meter meter, Path result) throws Exception {
        double seconds = (System.nanoTime() - meter.beganNs) / 1e9;
        double cpu = (SYSTEM.getProcessCpuTime() - meter.beganCpuNs) / 1e9;
        var type = QueryableStoreTypes.<String, Row>keyValueStore();
        var rows = streams.store(StoreQueryParameters.fromNameAndType(STORE, type));
        long total = 0;
        try (KeyValueIterator<String, Row> all = rows.all()) {
            while (all.hasNext()) total += all.next().value.events;
        }
        double rss = 0;
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            String digits = line.replaceAll("\\D", "");
            if (line.startsWith("VmHWM:")) rss = Long.parseLong(digits) / 1024.0;
        }
        Map<String, Object> measured = Map.of(
            "events", meter.events, "triggers", meter.triggers, "seconds", seconds,
            "cpu_s", cpu, "rss_mb", rss, "total", total);
        Path underWay = Path.of(result + ".part");
        Files.write(underWay, JSON.writeValueAsBytes(measured));
        Files.move(underWay, result, StandardCopyOption.ATOMIC_MOVE);
        Runtime.getRuntime().halt(0);
    }
}
