"""Retrieval with Haystack over a running Litotes: questions that say "not" find what is not.

Needs haystack-ai. Start the service (`make serve`), then:
python examples/rag_haystack.py [URL of the service, by default http://127.0.0.1:8080]
"""

from __future__ import annotations

from haystack import Document, Pipeline
from haystack.components.builders import PromptBuilder
from haystack.components.embedders import OpenAIDocumentEmbedder, OpenAITextEmbedder
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret
from rag_guide import PARTS, PLACES, QUESTIONS, TOP, read_url, report

PROMPT = """Answer from these notes alone.
{%- for note in notes %}
- {{ note.content }}
{%- endfor %}
Question: {{ question }}"""


def build(url: str, dimensions: int) -> Pipeline:
    """Embed the guide by `/v1/embeddings`, keep it in memory, and return what asks it."""
    api = {
        "api_base_url": f"{url}/v1",
        "api_key": Secret.from_token("none"),
        "model": "litotes-small",
        "dimensions": dimensions,
    }
    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    indexing = Pipeline()
    indexing.add_component("embedder", OpenAIDocumentEmbedder(progress_bar=False, **api))
    indexing.add_component("writer", DocumentWriter(store))
    indexing.connect("embedder", "writer")
    guide = [Document(content=text, meta={"name": name}) for name, text in PLACES.items()]
    # The name is not embedded, unless the embedder is told so by `meta_fields_to_embed`.
    indexing.run({"embedder": {"documents": guide}})

    asking = Pipeline()
    asking.add_component("embedder", OpenAITextEmbedder(**api))
    asking.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=TOP))
    asking.add_component("prompt", PromptBuilder(PROMPT, required_variables="*"))
    asking.connect("embedder.embedding", "retriever.query_embedding")
    asking.connect("retriever.documents", "prompt.notes")
    return asking


def main(url: str) -> str:
    """The answers of both parts, and a prompt that a chat model would be given, as text."""
    found = {
        dimensions: {
            question: asking.run(
                {"embedder": {"text": question}, "prompt": {"question": question}},
                include_outputs_from={"retriever"},
            )
            for question in QUESTIONS
        }
        for dimensions in PARTS
        for asking in [build(url, dimensions)]
    }
    answers = {
        dimensions: {
            question: [document.meta["name"] for document in result["retriever"]["documents"]]
            for question, result in answered.items()
        }
        for dimensions, answered in found.items()
    }
    question = next(iter(QUESTIONS))
    prompt = found[max(PARTS)][question]["prompt"]["prompt"]
    return "\n".join([*report(answers), "", "The prompt:", prompt])


if __name__ == "__main__":
    print(main(read_url(__doc__)))  # noqa: T201 - what it is for
