"""Code that the benchmarks' daemons run, and that declares what they plan."""
