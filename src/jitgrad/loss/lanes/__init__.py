"""Many displaced losses evaluated at once in the lanes of LLVM vectors."""
