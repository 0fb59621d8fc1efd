package com.example.orders;

import com.hazelcast.jet.pipeline.Sink;
import com.hazelcast.jet.pipeline.SinkBuilder;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file on the member that grows by a line an item, to be read with {@code tail -f}. */
final class Lines {
    private Lines() {
    }

    static Sink<String> appendedTo(String file) {
        return SinkBuilder
                .sinkBuilder("lines", context -> open(file))
                .<String>receiveFn((writer, line) -> {
                    writer.write(line);
                    writer.newLine();
                })
                .flushFn(BufferedWriter::flush)
                .destroyFn(BufferedWriter::close)
                .preferredLocalParallelism(1)
                .build();
    }

    private static BufferedWriter open(String file) throws IOException {
        return Files.newBufferedWriter(Path.of(file), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
}
