package com.example.wordcount;

import com.hazelcast.core.Hazelcast;
import com.hazelcast.jet.Traversers;
import com.hazelcast.jet.aggregate.AggregateOperations;
import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.Sinks;
import com.hazelcast.jet.pipeline.test.TestSources;
import java.util.Arrays;
import java.util.Locale;

/**
 * Counts the words of a text, and is done: a batch job that completes.
 *
 * <p>Parameters: name of the map that receives the counts; then the text, a line a parameter.
 */
public final class WordCount {
    private WordCount() {
    }

    public static void main(String[] args) {
        String counts = args[0];
        String[] lines = Arrays.copyOfRange(args, 1, args.length);

        Pipeline pipeline = Pipeline.create();
        pipeline.readFrom(TestSources.items(lines))
                .flatMap(line -> Traversers.traverseArray(line.toLowerCase(Locale.ROOT).split("\\W+")))
                .filter(word -> !word.isEmpty())
                .groupingKey(word -> word)
                .aggregate(AggregateOperations.counting())
                .writeTo(Sinks.map(counts));

        Hazelcast.bootstrappedInstance().getJet().newJob(pipeline);
    }
}
