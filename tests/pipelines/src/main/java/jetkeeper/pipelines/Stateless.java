package jetkeeper.pipelines;

import com.hazelcast.jet.config.ProcessingGuarantee;

/** A stream with processing guarantee NONE: it has no state that could be lost. */
public final class Stateless {
    private Stateless() {
    }

    public static void main(String[] args) {
        Jobs.submit(Jobs.endless(), Jobs.config(ProcessingGuarantee.NONE));
    }
}
