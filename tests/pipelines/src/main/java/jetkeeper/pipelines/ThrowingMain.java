package jetkeeper.pipelines;

/** Throws out of main before anything was submitted. */
public final class ThrowingMain {
    private ThrowingMain() {
    }

    public static void main(String[] args) {
        throw new IllegalArgumentException("this main refuses its parameters");
    }
}
