package jetkeeper.pipelines;

import com.hazelcast.jet.config.JobConfig;
import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.Sinks;
import com.hazelcast.jet.pipeline.test.TestSources;

/**
 * A stream that fails while it runs. Parameters: number of items that go well, 100 of them a second (0); whether the
 * failure suspends the job (false).
 */
public final class Failing {
    private static final int ITEMS_PER_SECOND = 100;
    private static final long FIRST_SNAPSHOT_MILLIS = 10_000;

    private Failing() {
    }

    public static void main(String[] args) {
        long good = args.length > 0 ? Long.parseLong(args[0]) : 0;
        boolean suspend = args.length > 1 && Boolean.parseBoolean(args[1]);

        Pipeline pipeline = Pipeline.create();
        pipeline.readFrom(TestSources.itemStream(ITEMS_PER_SECOND))
                .withoutTimestamps()
                .map(item -> {
                    if (item.sequence() >= good) {
                        throw new IllegalStateException("item " + item.sequence() + " is not to this job's liking");
                    }
                    return item.sequence();
                })
                // With more of them a later item may fail first.
                .setLocalParallelism(1)
                .writeTo(Sinks.noop());
        JobConfig config = Jobs.config().setSuspendOnFailure(suspend);
        if (good == 0) {
            // So it is plain that it committed nothing before it failed.
            config.setSnapshotIntervalMillis(FIRST_SNAPSHOT_MILLIS);
        }
        Jobs.submit(pipeline, config);
    }
}
