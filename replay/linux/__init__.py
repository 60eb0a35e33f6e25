"""One kernel interface per file: structs, socket options, errno to OSError. The only place for ctypes."""
