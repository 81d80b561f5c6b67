// Answers CloudFormation's request to a function whose code stands in the template.
exports.SUCCESS = "SUCCESS";
exports.FAILED = "FAILED";

exports.send = (event, context, responseStatus, responseData, physicalResourceId, noEcho) => {
  const answer = JSON.stringify({
    Status: responseStatus,
    Reason: `The log stream ${context.logStreamName} says more`,
    PhysicalResourceId: physicalResourceId || context.logStreamName,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    NoEcho: noEcho || false,
    Data: responseData,
  });
  const url = new URL(event.ResponseURL);
  const { request } = require(url.protocol === "https:" ? "https" : "http");
  const headers = { "content-type": "", "content-length": Buffer.byteLength(answer) };
  return new Promise((resolve) => {
    const over = (word) => {
      console.log("CloudFormation:", word);
      if (context.done) context.done();
      resolve();
    };
    const put = request(url, { method: "PUT", headers }, (reply) => {
      reply.resume();
      reply.on("end", () => over(`answered ${reply.statusCode}`));
    });
    put.on("error", (problem) => over(`could not be answered: ${problem.message}`));
    put.end(answer);
  });
};
