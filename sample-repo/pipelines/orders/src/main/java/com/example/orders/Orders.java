package com.example.orders;

import com.hazelcast.core.Hazelcast;
import com.hazelcast.function.FunctionEx;
import com.hazelcast.jet.aggregate.AggregateOperations;
import com.hazelcast.jet.config.JobConfig;
import com.hazelcast.jet.config.ProcessingGuarantee;
import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.Sinks;
import com.hazelcast.jet.pipeline.StreamStage;
import com.hazelcast.jet.pipeline.test.SimpleEvent;
import com.hazelcast.jet.pipeline.test.TestSources;
import java.util.List;
import java.util.Map.Entry;

/**
 * A stream of orders, counted by customer. The counts are the job's state: they survive a suspend, a restart, and an
 * upgrade that starts from a snapshot.
 *
 * <p>The jar's manifest says which version it is (Implementation-Version), and from version 2 on every line does.
 *
 * <p>Parameters: orders a second; name of the map that holds the newest count of every customer; optionally a file, on
 * the member, to which every tenth count of a customer is appended as a line.
 */
public final class Orders {
    private static final List<String> CUSTOMERS = List.of("ada", "boole", "curry", "dijkstra");
    private static final int ORDERS_PER_LINE = 10;
    private static final long SNAPSHOT_INTERVAL_MILLIS = 1_000;

    private Orders() {
    }

    public static void main(String[] args) {
        String version = Orders.class.getPackage().getImplementationVersion();
        boolean first = version == null || version.equals("1");
        String remark = first ? "" : " (version " + version + ")";
        submit(args, remark, SNAPSHOT_INTERVAL_MILLIS, Orders::customerOf);
    }

    static String customerOf(SimpleEvent order) {
        return CUSTOMERS.get((int) (order.sequence() % CUSTOMERS.size()));
    }

    static void submit(
            String[] args, String remark, long snapshotIntervalMillis, FunctionEx<SimpleEvent, String> customerOf) {
        int ordersPerSecond = Integer.parseInt(args[0]);
        String counts = args[1];

        Pipeline pipeline = Pipeline.create();
        StreamStage<Entry<String, Long>> ordersByCustomer = pipeline
                .readFrom(TestSources.itemStream(ordersPerSecond))
                .withoutTimestamps()
                .map(customerOf)
                .groupingKey(customer -> customer)
                .rollingAggregate(AggregateOperations.counting())
                .setName("orders-by-customer");
        ordersByCustomer.writeTo(Sinks.map(counts));
        if (args.length > 2) {
            // By one processor, or lines of one customer could overtake each other.
            ordersByCustomer
                    .filter(count -> count.getValue() % ORDERS_PER_LINE == 0)
                    .setLocalParallelism(1)
                    .map(count -> count.getKey() + " has placed " + count.getValue() + " orders" + remark)
                    .setLocalParallelism(1)
                    .writeTo(Lines.appendedTo(args[2]));
        }

        JobConfig config = new JobConfig()
                .setProcessingGuarantee(ProcessingGuarantee.EXACTLY_ONCE)
                .setSnapshotIntervalMillis(snapshotIntervalMillis);
        Hazelcast.bootstrappedInstance().getJet().newJob(pipeline, config);
    }
}
