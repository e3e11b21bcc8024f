"""Retrieval with LlamaIndex over a running Litotes: questions that say "not" find what is not.

Needs llama-index-embeddings-text-embeddings-inference. Start the service (`make serve`), then:
python examples/rag_llamaindex.py [URL of the service, by default http://127.0.0.1:8080]
"""

from __future__ import annotations

from llama_index.core import PromptTemplate, VectorStoreIndex
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.embeddings.text_embeddings_inference import TextEmbeddingsInference
from rag_guide import PARTS, PLACES, QUESTIONS, TOP, read_url, report

PROMPT = PromptTemplate("Answer from these notes alone.\n{notes}\nQuestion: {question}")


def retrieve(model: TextEmbeddingsInference, dimensions: int) -> dict[str, list[NodeWithScore]]:
    """Index the first numbers of every vector, and ask each question of them.

    The class has no option for fewer dimensions, so vectors are cut here; the store compares by
    cosine, whatever their length. Where the whole vectors are wanted, as they mostly are,
    `VectorStoreIndex(nodes, embed_model=model)` does all of it.
    """
    vectors = model.get_text_embedding_batch(list(PLACES.values()))
    nodes = [
        TextNode(text=text, metadata={"name": name}, embedding=vector[:dimensions])
        for (name, text), vector in zip(PLACES.items(), vectors, strict=True)
    ]
    retriever = VectorStoreIndex(nodes, embed_model=model).as_retriever(similarity_top_k=TOP)
    return {
        question: retriever.retrieve(
            QueryBundle(question, embedding=model.get_query_embedding(question)[:dimensions])
        )
        for question in QUESTIONS
    }


def main(url: str) -> str:
    """The answers of both parts, and a prompt that a chat model would be given, as text."""
    model = TextEmbeddingsInference(model_name="litotes-small", base_url=url)
    found = {dimensions: retrieve(model, dimensions) for dimensions in PARTS}
    answers = {
        dimensions: {
            question: [node.metadata["name"] for node in nodes]
            for question, nodes in answered.items()
        }
        for dimensions, answered in found.items()
    }
    question = next(iter(QUESTIONS))
    notes = "\n".join(f"- {node.get_content()}" for node in found[max(PARTS)][question])
    prompt = PROMPT.format(notes=notes, question=question)
    return "\n".join([*report(answers), "", "The prompt:", prompt])


if __name__ == "__main__":
    print(main(read_url(__doc__)))  # noqa: T201 - what it is for
