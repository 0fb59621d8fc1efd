package jetkeeper.pipelines;

import com.hazelcast.core.Hazelcast;
import com.hazelcast.jet.Job;
import com.hazelcast.jet.config.JobConfig;
import com.hazelcast.jet.config.ProcessingGuarantee;
import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.Sinks;
import com.hazelcast.jet.pipeline.test.TestSources;

/** What the pipelines here have in common. */
final class Jobs {
    private static final int ITEMS_PER_SECOND = 10;
    private static final long SNAPSHOT_INTERVAL_MILLIS = 1_000;

    private Jobs() {
    }

    /** A stream without an end, and without state worth keeping. */
    static Pipeline endless() {
        Pipeline pipeline = Pipeline.create();
        pipeline.readFrom(TestSources.itemStream(ITEMS_PER_SECOND)).withoutTimestamps().writeTo(Sinks.noop());
        return pipeline;
    }

    static JobConfig config(ProcessingGuarantee guarantee) {
        return new JobConfig()
                .setProcessingGuarantee(guarantee)
                .setSnapshotIntervalMillis(SNAPSHOT_INTERVAL_MILLIS);
    }

    static JobConfig config() {
        return config(ProcessingGuarantee.EXACTLY_ONCE);
    }

    static Job submit(Pipeline pipeline, JobConfig config) {
        return Hazelcast.bootstrappedInstance().getJet().newJob(pipeline, config);
    }
}
