"""A SPLADE model small enough to be made in a test, which activates what it is told to."""

from __future__ import annotations

import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Router
from sentence_transformers.sparse_encoder.modules import MLMTransformer, SparseStaticEmbedding, SpladePooling
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM, BertTokenizerFast

from topics.embedding.openvino import silence

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MONEY = "bank rate inflation interest monetary policy reserve deposit treasury".split()
SPORT = "match goal league striker season coach stadium referee penalty".split()
IMPLIED = {"economy": MONEY, "football": SPORT}  # never said, activated by those that are
OTHERS = ["the", "##ing", "##s", "42", "x", "[unused0]", "Bank"]
VOCABULARY = [*SPECIAL, *MONEY, *SPORT, *IMPLIED, *OTHERS]


def write_splade(folder, layers=0, threshold=20.0, seed=0):
    """Write one: without layers a token activates itself and what it implies, with layers who knows.

    The higher the threshold, the fewer terms are active.
    """
    torch.manual_seed(seed)
    settings = {"hidden_size": 128, "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 48}
    config = BertConfig(vocab_size=len(VOCABULARY), num_hidden_layers=layers, initializer_range=1.0, **settings)
    with silence(), torch.no_grad():
        model = BertForMaskedLM(config)
        embeddings = model.bert.embeddings
        embeddings.token_type_embeddings.weight.zero_()
        embeddings.position_embeddings.weight.mul_(1.0 if layers else 0.0)
        place = {token: row for row, token in enumerate(VOCABULARY)}
        for implied, words in IMPLIED.items():
            rows = [place[word] for word in words]
            embeddings.word_embeddings.weight[place[implied]] = embeddings.word_embeddings.weight[rows].mean(0) * 3
        model.cls.predictions.transform.dense.weight.copy_(torch.eye(128))
        model.cls.predictions.bias.fill_(-threshold)
        model.save_pretrained(folder / "masked")
        BertTokenizerFast(vocab=place, model_max_length=48).save_pretrained(folder / "masked")
        modules = [MLMTransformer(str(folder / "masked"), max_seq_length=48), SpladePooling("max")]
        SparseEncoder(modules=modules, device="cpu").save_pretrained(str(folder / "splade"))
    return str(folder / "splade")


def write_static(folder, plain):
    """Write what needs no transformer: a word activates itself. `plain` is the folder of another, for its tokenizer."""
    with silence():
        modules = [SparseStaticEmbedding(AutoTokenizer.from_pretrained(plain))]
        SparseEncoder(modules=modules, device="cpu").save_pretrained(str(folder))
    return str(folder)


def write_router(folder, plain):
    """Write one that encodes documents as `plain` does, and queries as they are."""
    with silence():
        document = list(SparseEncoder(plain, device="cpu"))
        query = [SparseStaticEmbedding(AutoTokenizer.from_pretrained(plain))]
        router = Router.for_query_document(query_modules=query, document_modules=document)
        SparseEncoder(modules=[router], device="cpu").save_pretrained(str(folder))
    return str(folder)
