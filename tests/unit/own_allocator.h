/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_OWN_ALLOCATOR_H
#define HOPGUARD_TESTS_UNIT_OWN_ALLOCATOR_H

/* Defined where a sanitizer brings malloc with it: a test can then neither replace nor count it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_OWN_ALLOCATOR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_OWN_ALLOCATOR 1
#endif
#endif

#endif
