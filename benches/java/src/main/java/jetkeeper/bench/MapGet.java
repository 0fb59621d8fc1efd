package jetkeeper.bench;

import com.hazelcast.client.HazelcastClient;
import com.hazelcast.client.config.ClientConfig;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;
import java.io.IOException;
import java.util.concurrent.Semaphore;

/**
 * Gets one entry of a map again and again, over the one connection that a cluster of one member has. For each line of input
 * it prints how long a call took, in milliseconds: all the time through all calls.
 *
 * <p>Arguments: address, cluster name, map, key, calls a line, calls in flight.
 */
public final class MapGet {
    private MapGet() {
    }

    public static void main(String[] args) throws IOException, InterruptedException {
        ClientConfig config = new ClientConfig().setClusterName(args[1]);
        config.getNetworkConfig().addAddress(args[0]);
        HazelcastInstance client = HazelcastClient.newHazelcastClient(config);
        try {
            IMap<String, String> map = client.getMap(args[2]);
            int calls = Integer.parseInt(args[4]);
            int inFlight = Integer.parseInt(args[5]);
            while (System.in.read() >= 0) {
                long begun = System.nanoTime();
                if (inFlight == 1) {
                    oneByOne(map, args[3], calls);
                } else {
                    together(map, args[3], calls, inFlight);
                }
                System.out.println((System.nanoTime() - begun) / 1e6 / calls);
                System.out.flush();
            }
        } finally {
            client.shutdown();
        }
    }

    private static void oneByOne(IMap<String, String> map, String key, int calls) {
        for (int call = 0; call < calls; call++) {
            check(map.get(key));
        }
    }

    private static void together(IMap<String, String> map, String key, int calls, int inFlight) throws InterruptedException {
        Semaphore room = new Semaphore(inFlight);
        for (int call = 0; call < calls; call++) {
            room.acquire();
            // On its own the client starts a thread for each answer where there are but two processors.
            map.getAsync(key).whenCompleteAsync((value, error) -> {
                room.release();
                check(value);
            }, Runnable::run);
        }
        room.acquire(inFlight);
    }

    private static void check(String value) {
        if (value == null) {
            throw new IllegalStateException("the entry is gone");
        }
    }
}
