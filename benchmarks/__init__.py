"""What is measured, against what, with one command each: `python -m benchmarks NAME`."""
