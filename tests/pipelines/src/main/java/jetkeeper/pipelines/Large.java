package jetkeeper.pipelines;

import com.hazelcast.jet.config.JobConfig;
import com.hazelcast.jet.config.ProcessingGuarantee;
import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.Sinks;
import com.hazelcast.jet.pipeline.test.TestSources;

/**
 * A job with much state: so many keys with so many bytes each, all there after about a second.
 *
 * <p>Parameters: number of keys; bytes of each; snapshot interval in milliseconds.
 */
public final class Large {
    private Large() {
    }

    public static void main(String[] args) {
        int keys = Integer.parseInt(args[0]);
        int bytes = Integer.parseInt(args[1]);
        long interval = Long.parseLong(args[2]);

        Pipeline pipeline = Pipeline.create();
        pipeline.readFrom(TestSources.itemStream(Math.max(keys, 1)))
                .withoutTimestamps()
                .groupingKey(item -> item.sequence() % keys)
                .mapStateful(() -> new byte[bytes], (state, key, item) -> {
                    state[0]++;
                    return null;
                })
                .setName("large")
                .writeTo(Sinks.noop());
        Jobs.submit(pipeline, new JobConfig()
                .setProcessingGuarantee(ProcessingGuarantee.EXACTLY_ONCE)
                .setSnapshotIntervalMillis(interval));
    }
}
