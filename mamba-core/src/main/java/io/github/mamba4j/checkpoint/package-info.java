/**
 * Files on disk as names, shapes and bytes: the readers and writers of checkpoint formats, JSON
 * trees and atomic replacement of files and folders.
 *
 * <p>Nothing here knows a tensor or a model. A reader checks the whole file before it hands out the
 * first entry and reports what is wrong as a one-line {@link
 * io.github.mamba4j.checkpoint.CheckpointException}; a writer leaves the old file untouched until
 * the new one is complete on disk.
 */
@NullMarked
package io.github.mamba4j.checkpoint;

import org.jspecify.annotations.NullMarked;
