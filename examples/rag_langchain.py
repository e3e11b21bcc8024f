"""Retrieval with LangChain over a running Litotes: questions that say "not" find what is not.

Needs langchain-openai. Start the service (`make serve`), then:
python examples/rag_langchain.py [URL of the service, by default http://127.0.0.1:8080]
"""

from __future__ import annotations

from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import OpenAIEmbeddings
from rag_guide import PARTS, PLACES, QUESTIONS, TOP, read_url, report

PROMPT = ChatPromptTemplate.from_template(
    "Answer from these notes alone.\n{notes}\nQuestion: {question}"
)


def build_store(url: str, dimensions: int) -> InMemoryVectorStore:
    """Embed the guide by `/v1/embeddings`, and keep it in memory."""
    embeddings = OpenAIEmbeddings(
        base_url=f"{url}/v1",
        api_key="none",
        model="litotes-small",
        dimensions=dimensions,
        check_embedding_ctx_length=False,  # send texts, not token ids
    )
    store = InMemoryVectorStore(embeddings)
    store.add_documents([Document(text, metadata={"name": name}) for name, text in PLACES.items()])
    return store


def main(url: str) -> str:
    """The answers of both parts, and a prompt that a chat model would be given, as text."""
    found = {
        dimensions: {
            question: store.as_retriever(search_kwargs={"k": TOP}).invoke(question)
            for question in QUESTIONS
        }
        for dimensions in PARTS
        for store in [build_store(url, dimensions)]
    }
    answers = {
        dimensions: {
            question: [document.metadata["name"] for document in documents]
            for question, documents in answered.items()
        }
        for dimensions, answered in found.items()
    }
    question = next(iter(QUESTIONS))
    notes = "\n".join(f"- {document.page_content}" for document in found[max(PARTS)][question])
    prompt = PROMPT.format(notes=notes, question=question)
    return "\n".join([*report(answers), "", "The prompt:", prompt])


if __name__ == "__main__":
    print(main(read_url(__doc__)))  # noqa: T201 - what it is for
