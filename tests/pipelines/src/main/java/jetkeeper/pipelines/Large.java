package jetkeeper.pipelines;

import com.hazelcast.jet.config.JobConfig;
import com.hazelcast.jet.config.ProcessingGuarantee;
import com.hazelcast.jet.core.AbstractProcessor;
import com.hazelcast.jet.core.ProcessorMetaSupplier;
import com.hazelcast.jet.core.ProcessorSupplier;
import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.Sinks;
import com.hazelcast.jet.pipeline.Sources;
import java.util.concurrent.TimeUnit;

/**
 * A job with much state: so many keys with so many bytes each, there from the start.
 *
 * <p>Each snapshot is written at a bounded rate, because members leave entries out of snapshots that are written faster than
 * maps take them (docs/snapshots.md, Limits).
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
        pipeline.readFrom(Sources.<Void>streamFromProcessor("large",
                        ProcessorMetaSupplier.forceTotalParallelismOne(
                                ProcessorSupplier.of(() -> new State(keys, bytes)))))
                .withoutTimestamps()
                .writeTo(Sinks.noop());
        Jobs.submit(pipeline, new JobConfig()
                .setProcessingGuarantee(ProcessingGuarantee.EXACTLY_ONCE)
                .setSnapshotIntervalMillis(interval));
    }

    /** Emits nothing, and has a state all the same. */
    private static final class State extends AbstractProcessor {
        private static final int BURST_BYTES = 64 * 1024;
        private static final long BETWEEN_BURSTS_MILLIS = 1;
        private static final long BETWEEN_LOOKS_MILLIS = 10;

        private final int keys;
        private final byte[] value;
        private final int burst;
        private int saved;

        State(int keys, int bytes) {
            this.keys = keys;
            value = new byte[bytes];
            burst = Math.max(1, BURST_BYTES / Math.max(1, bytes));
        }

        @Override
        public boolean isCooperative() {
            return false;
        }

        @Override
        public boolean complete() {
            rest(BETWEEN_LOOKS_MILLIS);
            return false;
        }

        @Override
        public boolean saveToSnapshot() {
            while (saved < keys) {
                if (!tryEmitToSnapshot((long) saved, value)) {
                    return false;
                }
                saved++;
                if (saved % burst == 0) {
                    rest(BETWEEN_BURSTS_MILLIS);
                }
            }
            saved = 0;
            return true;
        }

        @Override
        protected void restoreFromSnapshot(Object key, Object restored) {
            // Each key has the same bytes, whichever it is.
        }

        private static void rest(long millis) {
            try {
                TimeUnit.MILLISECONDS.sleep(millis);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
