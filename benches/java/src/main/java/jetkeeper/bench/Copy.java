package jetkeeper.bench;

import com.hazelcast.client.HazelcastClient;
import com.hazelcast.client.config.ClientConfig;
import com.hazelcast.client.impl.proxy.ClientMapProxy;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;
import java.io.IOException;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.ArrayList;
import java.util.List;

/**
 * Copies a map into another one and clears that again: as whoever writes the obvious program does it (all entries at once),
 * or partition by partition with as many threads as given.
 *
 * <p>Arguments: address, cluster name, name of the map, number of threads (0 for the obvious program).
 */
public final class Copy {
    /** As many as fit into what jetkeeper reads at once. */
    private static final int BATCH = 2;

    private Copy() {
    }

    public static void main(String[] args) throws IOException, InterruptedException, ExecutionException {
        ClientConfig config = new ClientConfig().setClusterName(args[1]);
        config.getNetworkConfig().addAddress(args[0]);
        HazelcastInstance client = HazelcastClient.newHazelcastClient(config);
        IMap<Object, Object> source = client.getMap(args[2]);
        IMap<Object, Object> target = client.getMap("copy-of-" + args[2]);
        int threads = Integer.parseInt(args[3]);
        Samples samples = new Samples();
        while (samples.wanted()) {
            target.clear();
            long begin = System.nanoTime();
            if (threads == 0) {
                Map<Object, Object> all = new HashMap<>();
                for (Map.Entry<Object, Object> entry : source.entrySet()) {
                    all.put(entry.getKey(), entry.getValue());
                }
                target.putAll(all);
            } else {
                int partitions = client.getPartitionService().getPartitions().size();
                concurrently(threads, partitions, (ClientMapProxy<Object, Object>) source, target);
            }
            long end = System.nanoTime();
            if (target.size() != source.size()) {
                throw new IllegalStateException(target.size() + " entries instead of " + source.size());
            }
            target.clear();
            samples.print(begin, end);
        }
        target.destroy();
        client.shutdown();
    }

    private static void concurrently(int threads, int partitions, ClientMapProxy<Object, Object> source,
            IMap<Object, Object> target) throws InterruptedException, ExecutionException {
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            List<Future<?>> copies = new ArrayList<>();
            for (int partition = 0; partition < partitions; partition++) {
                int its = partition;
                copies.add(executor.submit(() -> copy(source.iterator(BATCH, its, true), target)));
            }
            for (Future<?> copy : copies) {
                copy.get();
            }
        } finally {
            executor.shutdown();
        }
    }

    private static void copy(Iterator<Map.Entry<Object, Object>> entries, IMap<Object, Object> target) {
        Map<Object, Object> batch = new HashMap<>();
        // Asked once more after its end, such an iterator begins anew.
        boolean more = entries.hasNext();
        while (more) {
            Map.Entry<Object, Object> entry = entries.next();
            batch.put(entry.getKey(), entry.getValue());
            more = entries.hasNext();
            if (batch.size() == BATCH || !more) {
                target.putAll(batch);
                batch.clear();
            }
        }
    }
}
