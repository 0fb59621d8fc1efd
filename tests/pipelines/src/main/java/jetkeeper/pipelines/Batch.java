package jetkeeper.pipelines;

import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.Sinks;
import com.hazelcast.jet.pipeline.test.TestSources;

/** A batch that completes at once. */
public final class Batch {
    private Batch() {
    }

    public static void main(String[] args) {
        Pipeline pipeline = Pipeline.create();
        pipeline.readFrom(TestSources.items(1, 2, 3)).writeTo(Sinks.noop());
        Jobs.submit(pipeline, Jobs.config());
    }
}
