// replaced by its first file
