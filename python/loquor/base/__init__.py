"""What every room stands on: files, pipes, processes, numbers, and where ONNX Runtime's library is."""
