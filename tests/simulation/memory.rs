//! Memory does not grow with the audio that was captured. It has a program of its own, since it
//! counts every byte that the program holds.
