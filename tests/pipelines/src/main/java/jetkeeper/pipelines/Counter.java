package jetkeeper.pipelines;

import static com.hazelcast.jet.Util.entry;

import com.hazelcast.jet.config.ProcessingGuarantee;
import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.Sinks;
import com.hazelcast.jet.pipeline.StreamStage;
import com.hazelcast.jet.pipeline.test.TestSources;
import java.util.Map.Entry;

/**
 * A stream that counts by key: the job whose state must not be lost. Version 1 counts by one, version 2 by a thousand,
 * so a count tells which version did how much of it.
 *
 * <p>Parameters: map that receives the counts (counts); number of keys (10); processing guarantee (EXACTLY_ONCE); file
 * on the member to which every new count is appended as "key count" (none).
 */
public final class Counter {
    private static final int ITEMS_PER_SECOND = 200;

    private Counter() {
    }

    public static void main(String[] args) {
        String sink = args.length > 0 ? args[0] : "counts";
        int keys = args.length > 1 ? Integer.parseInt(args[1]) : 10;
        String guarantee = args.length > 2 ? args[2] : "EXACTLY_ONCE";
        long increment = "2".equals(Counter.class.getPackage().getImplementationVersion()) ? 1_000 : 1;

        String file = args.length > 3 ? args[3] : null;
        Jobs.submit(pipeline(sink, keys, increment, file), Jobs.config(ProcessingGuarantee.valueOf(guarantee)));
    }

    static Pipeline pipeline(String sink, int keys, long increment, String file) {
        // Without this two counts of one key overtake each other on the way to the file, now and then.
        Pipeline pipeline = Pipeline.create().setPreserveOrder(true);
        StreamStage<Entry<String, Long>> counts = pipeline
                .readFrom(TestSources.itemStream(ITEMS_PER_SECOND))
                .withoutTimestamps()
                .groupingKey(item -> "k" + item.sequence() % keys)
                .mapStateful(() -> new long[1], (count, key, item) -> {
                    count[0] += increment;
                    return entry(key, count[0]);
                })
                .setName("counter");
        counts.writeTo(Sinks.map(sink));
        if (file != null) {
            // By one processor, or lines of one key could overtake each other.
            counts.map(count -> count.getKey() + " " + count.getValue())
                    .setLocalParallelism(1)
                    .writeTo(Lines.appendedTo(file));
        }
        return pipeline;
    }
}
