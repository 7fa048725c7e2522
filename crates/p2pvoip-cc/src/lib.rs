//! Congestion control for low-latency voice: controller, feedback and pacer; no_std, no alloc.
