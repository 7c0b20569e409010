package io.github.mamba4j.data.tokenizer;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The tokenizer inside a GGUF file as plain values, as its metadata keys {@code tokenizer.ggml.…}
 * hold them. {@link BpeTokenizer#fromGguf} makes a tokenizer of it.
 *
 * @param source the file, for messages
 * @param model {@code model}, "gpt2" for a byte-level BPE
 * @param pre {@code pre}, the name of the rule that cuts text into pieces, or null if there is none
 * @param tokens {@code tokens}, in the order of the ids; normal ones in the byte alphabet of GPT-2
 * @param tokenTypes {@code token_type} of each token (1 normal, 2 unknown, 3 control, 4 user
 *     defined, 5 unused, 6 byte), or null if all are normal
 * @param merges {@code merges}, in the order of their ranks, two tokens with a space between
 * @param bosId {@code bos_token_id}, or -1
 * @param eosId {@code eos_token_id}, or -1
 * @param addBos {@code add_bos_token}, or null if the file leaves it to {@code pre}
 * @param addEos {@code add_eos_token}, or null if the file leaves it to {@code pre}
 */
public record GgufVocabulary(
    String source,
    String model,
    @Nullable String pre,
    List<String> tokens,
    @Nullable List<Integer> tokenTypes,
    List<String> merges,
    int bosId,
    int eosId,
    @Nullable Boolean addBos,
    @Nullable Boolean addEos) {}
